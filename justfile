# Every recipe works from a fresh clone; `setup` comes before those that need it.

set shell := ["sh", "-eu", "-c"]
set positional-arguments

python := ".venv/bin/python"
uv := ".venv/bin/uv"
export UV_PYTHON_DOWNLOADS := "never"

# List the recipes
_default:
    @{{ quote(just_executable()) }} --list --unsorted

# Bring .venv to exactly what requirements.lock says, and the project into it
[script("sh", "-eu")]
setup:
    for layer in domain application adapters bootstrap; do
        if [ ! -d "src/llm_gateway/$layer" ]; then
            echo "src/llm_gateway/$layer is a link that was checked out as a text file, or is missing." >&2
            echo "Let git make links (on Windows: turn on developer mode first), and check them out again:" >&2
            echo "    git config core.symlinks true && git checkout -- src/llm_gateway" >&2
            exit 1
        fi
    done
    [ -x {{ python }} ] || python3 -m venv .venv
    want="{{ sha256_file('requirements.lock') }} {{ sha256_file('pyproject.toml') }} $({{ python }} -VV) in $PWD"
    have=$(cat .venv/stamp 2>/dev/null || true)
    [ "$have" != "$want" ] || exit 0
    case "$have" in "" | *" in $PWD") again= ;; *) again=--reinstall ;; esac # scripts hold the path that the folder had
    {{ python }} -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, .venv has " + sys.version)'
    [ -x {{ uv }} ] || {{ python }} -m pip install -q uv
    echo "Setting up .venv ..." >&2
    {{ uv }} pip sync -q --require-hashes $again --python {{ python }} requirements.lock
    {{ uv }} pip install -q --no-deps --no-build-isolation --python {{ python }} --editable .
    echo "$want" > .venv/stamp

# Serve in demonstration mode
serve *args: setup
    @exec .venv/bin/llm-gateway serve --demo "$@"

# Unit and integration tests
test *args: setup
    @exec {{ python }} -m pytest "$@"

# Everything that CI asks for, the tests last, with the API's fuzzing for two minutes
check: lint types imports build pythons externals
    LLM_GATEWAY_SCHEMATHESIS_SECONDS=120 {{ quote(just_executable()) }} test --cov

# What takes longer: the nightly tests, and the benchmark beside its committed figures
nightly: setup && (bench "--gate")
    {{ python }} -m pytest -m nightly

# Format the code
fmt: setup
    .venv/bin/ruff check -q --fix --select I .
    .venv/bin/ruff format .

# Format and lint, without changing anything
lint: setup
    .venv/bin/ruff format --check .
    .venv/bin/ruff check .

# Types
types: setup
    {{ python }} -m mypy

# Import contracts
imports: setup
    .venv/bin/lint-imports

# The sdist, and the wheel from it, in dist/
build: setup
    @rm -rf dist
    @{{ python }} -m build --no-isolation > .venv/build.log 2>&1 || { cat .venv/build.log >&2; exit 1; }
    @ls dist

# Unit tests on every other supported Python of this machine
[script("sh", "-eu")]
pythons: setup
    # pyenv's own names answer only for the versions it has switched on
    PATH="$(printf '%s:' "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin)$PATH"
    own=$({{ python }} -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    for version in 3.11 3.12 3.13 3.14; do
        [ "$version" != "$own" ] || continue
        if ! found=$({{ uv }} python find --system --no-project "$version" 2>/dev/null); then
            echo "Python $version: not on this machine, left out"
            continue
        fi
        env=".cache/python-$version"
        want="{{ sha256_file('requirements.lock') }} {{ sha256_file('pyproject.toml') }} $("$found" -VV) in $PWD"
        if [ "$(cat "$env/stamp" 2>/dev/null || true)" != "$want" ]; then
            {{ uv }} venv -q --clear --python "$found" "$env"
            {{ uv }} pip sync -q --require-hashes --python "$env/bin/python" requirements.lock
            {{ uv }} pip install -q --no-deps --no-build-isolation --python "$env/bin/python" --editable .
            echo "$want" > "$env/stamp"
        fi
        echo "Python $version:"
        "$env/bin/python" -m pytest -q -p no:cacheprovider tests/unit
    done

# Set up the foreign programs that tests talk to, each in an environment of its own, under .cache/external/
externals: setup
    @{{ python }} tests/external/environments.py set-up

# Lock the foreign programs again; `just lock-externals --upgrade` takes the newest
lock-externals *args: setup
    {{ python }} tests/external/environments.py lock "$@"

compile := uv + " pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate" + \
    " --no-emit-index-url --no-emit-find-links"
in_the_image := "--extra server --extra rest --extra redis --extra telemetry"

# Lock the dependencies again, and those of the image from them; `just lock --upgrade` takes the newest
lock *args:
    {{ compile }} --override overrides.txt --all-extras --group dev --output-file requirements.lock "$@" pyproject.toml
    {{ compile }} --constraint requirements.lock {{ in_the_image }} --output-file ops/requirements.lock pyproject.toml

# Write again what is made from code: pages of the documentation, .env.example and the dashboards
generate: setup
    {{ python }} -m llm_gateway.bootstrap.generated .
    {{ python }} ops/grafana/generate.py ops/grafana/dashboards
    {{ python }} ops/prices/generate.py adapters/outbound/prices
    {{ python }} benchmarks/pages.py .

# Break the Redis of a gateway under load, and print what its clients saw
faults *args: setup
    {{ python }} -m tests.integration.redis.faults "$@"

# Ask the real vendors, where there is a key or an Ollama, whether they still are as the data says; it costs a few tokens
vendors: setup
    @{{ python }} -m tests.integration.vendors

# Measure what a charge and a look-up in Redis cost, by the ways to ask
bench-redis *args: setup
    {{ python }} benchmarks/redis_trips.py "$@"

# Count what one streamed miss of each vendor calls; `just trip --list` names it, `--gate` fails above the bounds
trip *args: setup
    {{ python }} benchmarks/trip.py "$@"

# Measure this gateway; `--quick`, `--only NAME`, `--json FILE`, and `--commit` writes the figures and their pages
bench *args: setup _installed
    {{ python }} benchmarks/bench.py "$@"

# What a server may be installed with, each in an environment of its own: all extras, and what the image has
[script("sh", "-eu")]
_installed: setup
    want="{{ sha256_file('requirements.lock') }} {{ sha256_file('ops/requirements.lock') }} {{ sha256_file('pyproject.toml') }} in $PWD"
    for name in all image; do
        env=.cache/$name
        [ "$(cat "$env/stamp" 2>/dev/null || true)" != "$want" ] || continue
        {{ uv }} venv -q --clear --python {{ python }} "$env"
        case $name in all) constraint=requirements.lock ;; image) constraint=ops/requirements.lock ;; esac
        case $name in all) extras=all ;; image) extras=$(echo "{{ in_the_image }}" | sed 's/ *--extra /,/g; s/^,//') ;; esac
        {{ uv }} pip install -q --compile-bytecode --constraint "$constraint" --python "$env/bin/python" --editable ".[$extras]"
        echo "$want" > "$env/stamp"
    done
