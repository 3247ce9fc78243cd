"""A store's address: every kind of URL that is meant, and a fault without the URL for every other."""

import pytest

from llm_gateway.adapters.outbound.redis.client.address import Address, Node, parse_address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://localhost", Address(nodes=(Node("localhost", 6379),))),
        ("redis://10.0.0.1:7000/3", Address(nodes=(Node("10.0.0.1", 7000),), database=3)),
        ("redis://[::1]:7000", Address(nodes=(Node("::1", 7000),))),
        ("redis://:p%40ss@host", Address(nodes=(Node("host", 6379),), password="p@ss")),
        ("rediss://user:p:w@host", Address(nodes=(Node("host", 6379),), tls=True, username="user", password="p:w")),
        (
            "rediss://host?ssl_ca_certs=/etc/ca.pem",
            Address(nodes=(Node("host", 6379),), tls=True, ca_file="/etc/ca.pem"),
        ),
        ("redis+cluster://one:1,two:2", Address(nodes=(Node("one", 1), Node("two", 2)), cluster=True)),
        ("rediss+cluster://one", Address(nodes=(Node("one", 6379),), cluster=True, tls=True)),
        (
            "rediss+sentinel://u:p@one,two:7/main/3?sentinel_username=s&sentinel_password=w%40rd&ssl_ca_certs=/ca.pem",
            Address(
                nodes=(Node("one", 26379), Node("two", 7)),
                service="main",
                tls=True,
                ca_file="/ca.pem",
                username="u",
                password="p",
                sentinel_username="s",
                sentinel_password="w@rd",
                database=3,
            ),
        ),
        ("redis+sentinel://[::1]/my%20main", Address(nodes=(Node("::1", 26379),), service="my main")),
        (
            "rediss://host?ssl_certfile=/c.pem&ssl_keyfile=/k.pem",
            Address(nodes=(Node("host", 6379),), tls=True, certificate="/c.pem", key_file="/k.pem"),
        ),
        ("unix:///run/redis.sock", Address(nodes=(Node("/run/redis.sock", 0),))),
        (
            "unix://:pw@/run/my%20redis.sock?db=2",
            Address(nodes=(Node("/run/my redis.sock", 0),), password="pw", database=2),
        ),
    ],
)
def test_a_url_says_where_the_store_is(url: str, address: Address) -> None:
    assert parse_address(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "canary",
        "canary:6379",
        "redis:canary",
        "http://canary",
        "redis+sentinel://canary",
        "redis+sentinel://canary/",
        "redis+sentinel://canary//1",
        "redis+sentinel://canary/main/x",
        "redis://canary?sentinel_password=canary",
        "unix+cluster:///canary",
        "redis://",
        "redis://user:canary@",
        "redis://canary@host",
        "redis://canary..host",
        "redis://canary%00",
        f"redis://{'canary' * 11}",
        "redis://canary:port",
        "redis://canary:70000",
        "redis://canary:-1",
        "redis://canary:٣",
        "redis://[canary",
        "redis://canary/x",
        "redis://canary/99999",
        "redis://one,canary",
        "redis+cluster://canary/1",
        "redis://canary?ssl_cert_reqs=none",
        "unix://canary",
        "unix:///",
    ],
)
def test_any_other_url_is_a_fault_that_quotes_nothing_of_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(is|must|has|names) ") as caught:
        parse_address(url)
    assert "canary" not in str(caught.value)


def test_the_sentinels_are_asked_with_a_login_of_their_own() -> None:
    address = parse_address("redis+sentinel://user:of-the-server@host/main/3?sentinel_password=own").of_sentinels()
    assert (address.username, address.password, address.database) == (None, "own", 0)


def test_an_address_shows_neither_its_user_nor_its_password() -> None:
    assert "canary" not in repr(parse_address("redis://canary:canary@host"))
