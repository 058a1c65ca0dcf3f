"""All feedback together -> plotly figure: one module a kind, and the table of kinds."""

from imgcap.charts.statistics.kinds import (
    NO_FEEDBACK,
    STATISTICS_KINDS,
    StatisticsKind,
    statistics_figure,
)

__all__ = ["NO_FEEDBACK", "STATISTICS_KINDS", "StatisticsKind", "statistics_figure"]
