"""The dashboard's panels and the state they share; the notebook puts them together.

Panels whose libraries take long to load have modules of their own to import from:
`imgcap.widgets.chart` (plotly) and `imgcap.widgets.records` (ipydatagrid and pandas).
"""

from imgcap.widgets.analyst import Analyst
from imgcap.widgets.captions import CaptionsPanel
from imgcap.widgets.confidence import ConfidencePanel
from imgcap.widgets.elements import Columns, Later
from imgcap.widgets.explain import ExplainPanel
from imgcap.widgets.feedback import FeedbackPanel
from imgcap.widgets.guide import Guide
from imgcap.widgets.models import ModelsPanel
from imgcap.widgets.page import Page
from imgcap.widgets.prepare import PreparePanel
from imgcap.widgets.preview import PreviewPanel
from imgcap.widgets.question import QuestionPanel
from imgcap.widgets.result import ResultPanel
from imgcap.widgets.start import start
from imgcap.widgets.state import AppState
from imgcap.widgets.status import StatusPanel
from imgcap.widgets.upload import UploadPanel

__all__ = [
    "Analyst",
    "AppState",
    "CaptionsPanel",
    "Columns",
    "ConfidencePanel",
    "ExplainPanel",
    "FeedbackPanel",
    "Guide",
    "Later",
    "ModelsPanel",
    "Page",
    "PreparePanel",
    "PreviewPanel",
    "QuestionPanel",
    "ResultPanel",
    "StatusPanel",
    "UploadPanel",
    "start",
]
