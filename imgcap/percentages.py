"""Shares in 0..1 as percentages for people; no line ends between a figure and its sign."""

SIGN = "\N{NO-BREAK SPACE}%"


def percent(score: float, decimals: int = 0) -> str:
    """Write a score as a person reads it, never as a false certainty."""
    steps = 100 * 10**decimals
    rounded = round(steps * score)
    if rounded >= steps:
        return f"over {share_percent(1 - 1 / steps, decimals)}"
    if not rounded:
        return f"under {share_percent(1 / steps, decimals)}"
    return share_percent(rounded / steps, decimals)


def share_percent(share: float, decimals: int = 0) -> str:
    """Write a share that was counted or chosen, which may well be nothing or all."""
    return f"{100 * share:.{decimals}f}{SIGN}"
