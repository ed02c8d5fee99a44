"""The code location of workspace.yaml: environment → one promotion → Dagster definitions."""

from pgpromote.defs.factory import build_promotion
from pgpromote.settings import from_environment

defs = build_promotion(from_environment())
