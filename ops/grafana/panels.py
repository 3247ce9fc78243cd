"""Dashboards as data, and what Grafana's SDK makes of them: one layout, one style, one datasource by variable."""

import json
from collections.abc import Callable, Sequence
from enum import Enum
from itertools import count
from string import ascii_uppercase
from typing import TypeAlias

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models import dashboard as models
from msgspec import Struct

_SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
_TAG = "llm-gateway"
_WIDTH_OF_A_DASHBOARD = 24


class Look(Enum):
    """How a panel shows its queries."""

    LINES = "lines"
    STACK = "stack"
    NUMBER = "number"
    STATES = "states"


class Panel(Struct, frozen=True, kw_only=True):
    """`queries` are expressions by their legends. `states` names a number's meaning. `unit` is Grafana's name."""

    title: str
    description: str
    queries: dict[str, str]
    unit: str = "short"
    look: Look = Look.LINES
    states: Sequence[str] = ()


def number(title: str, description: str, expression: str, unit: str = "short") -> Panel:
    return Panel(title=title, description=description, queries={title: expression}, unit=unit, look=Look.NUMBER)


class Row(Struct, frozen=True):
    """Panels side by side, each as wide as the others."""

    title: str
    panels: Sequence[Panel]
    height: int = 8


class Board(Struct, frozen=True, kw_only=True):
    """One dashboard; `name` is its file, and its address in Grafana."""

    name: str
    title: str
    description: str
    rows: Sequence[Row]


_Drawn: TypeAlias = timeseries.Panel | stat.Panel | statetimeline.Panel


def rendered(board: Board) -> str:
    """The dashboard as Grafana's JSON, the same every time."""
    drawing = (
        dashboard.Dashboard(board.title)
        .uid(f"{_TAG}-{board.name}")
        .description(board.description)
        .tags([_TAG])
        .time("now-1h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .link(
            dashboard.DashboardLink("LLM gateway")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags([_TAG])
            .keep_time(True)
            .include_vars(True)
        )
        .with_variable(dashboard.DatasourceVariable("datasource").label("Datasource").type("prometheus"))
        .with_variable(_jobs())
    )
    ids = count(1)
    for row in board.rows:
        drawing.with_row(dashboard.Row(row.title).id(next(ids)))
        for panel in row.panels:
            width = _WIDTH_OF_A_DASHBOARD // len(row.panels)
            drawing.with_panel(_drawn(panel).id(next(ids)).height(row.height).span(width))
    return json.dumps(drawing.build(), cls=JSONEncoder, indent=1, sort_keys=True) + "\n"


def _jobs() -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable("job")
        .label("Job")
        .datasource(_SOURCE)
        .query("label_values(gateway_requests_total, job)")
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(models.VariableOption(selected=True, text="All", value="$__all"))
    )


def _drawn(panel: Panel) -> _Drawn:
    drawing = _BY_LOOK[panel.look]()
    drawing.title(panel.title).description(panel.description).datasource(_SOURCE).unit(panel.unit)
    for letter, (legend, expression) in zip(ascii_uppercase, panel.queries.items(), strict=False):
        query = prometheus.Dataquery().ref_id(letter).expr(expression).legend_format(legend).datasource(_SOURCE)
        drawing.with_target(query.instant() if panel.look is Look.NUMBER else query.range())
    if panel.states:
        drawing.mappings([_mapping(panel.states)])
    return drawing


def _mapping(states: Sequence[str]) -> models.ValueMap:
    return models.ValueMap(
        options={
            str(number): models.ValueMappingResult(text=state, color=color, index=number)
            for number, (state, color) in enumerate(zip(states, ("green", "yellow", "red"), strict=False))
        }
    )


def _lines() -> timeseries.Panel:
    legend = (
        common.VizLegendOptions().display_mode(looks.LegendDisplayMode.TABLE).placement(looks.LegendPlacement.BOTTOM)
    )
    return (
        timeseries.Panel()
        .min(0)
        .line_width(1)
        .fill_opacity(8)
        .show_points(looks.VisibilityMode.NEVER)
        .legend(legend.show_legend(True).calcs(["mean", "max", "lastNotNull"]))
        .tooltip(common.VizTooltipOptions().mode(looks.TooltipDisplayMode.MULTI).sort(looks.SortOrder.DESCENDING))
    )


def _stack() -> timeseries.Panel:
    return _lines().fill_opacity(40).stacking(common.StackingConfig().mode(looks.StackingMode.NORMAL).group("A"))


def _number() -> stat.Panel:
    last = common.ReduceDataOptions().calcs(["lastNotNull"])
    return (
        stat.Panel()
        .min(0)
        .reduce_options(last)
        .color_mode(looks.BigValueColorMode.NONE)
        .graph_mode(looks.BigValueGraphMode.NONE)
    )


def _states() -> statetimeline.Panel:
    return (
        statetimeline.Panel().show_value(looks.VisibilityMode.NEVER).legend(common.VizLegendOptions().show_legend(True))
    )


_BY_LOOK: dict[Look, Callable[[], _Drawn]] = {
    Look.LINES: _lines,
    Look.STACK: _stack,
    Look.NUMBER: _number,
    Look.STATES: _states,
}
