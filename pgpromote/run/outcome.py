"""The state of prod when a run ends: decided from the state of the run, and never from a text."""

from pgpromote.postgres.errors import SILENT, Outcome, PgpromoteError, ProdState
from pgpromote.postgres.prove import Proof
from pgpromote.postgres.strategy import Strategy
from pgpromote.run.state import State


def broken(strategy: Strategy) -> ProdState:
    """Return the state of prod when a step fails that writes to the database being restored."""
    return ProdState.UNTOUCHED if strategy.beside else ProdState.MIXED


def of(state: State) -> Outcome:
    """Return the outcome for prod if a run ends now."""
    if state.prod is ProdState.RENEWED:
        return Outcome(state.prod, f"{renewed(state)}.")
    if state.checked and not state.checked.answers:
        return SILENT
    safety = state.safety
    back = f"{safety.name} holds prod as it was; pgpromote rollback brings it back." if safety else ""
    return Outcome(state.prod, notes=(back,) if back else ())


def renewed(state: State) -> str:
    """Return the beginning of a sentence: prod is the new one, and how far that is proven."""
    return said(state.strategy, state.proof)


def said(strategy: Strategy, proof: Proof | None) -> str:
    """Return how prod became the new one, and whether its rows are proven, as a clause."""
    known = "" if proof is None else f" ({proof.doubt})" if proof.doubt else " and is proven"
    return ("Prod was swapped" if strategy.beside else "Prod was restored in place") + known


def afterwards(state: State, error: PgpromoteError, hint: str = "") -> PgpromoteError:
    """Return an error that begins with the outcome, where it came after prod was the new one."""
    if not state.renewed:
        return error
    message = f"{renewed(state)}; what failed came after that. {error.message}"
    return error.saying(message=message, hint=hint, outcome=Outcome(ProdState.RENEWED, f"{renewed(state)}."))
