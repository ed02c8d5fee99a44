"""The alert about a run that a webhook gets: Slack's markup for people, fields for programs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from pgpromote.postgres.details import visible


@dataclass(frozen=True)
class Alert:
    """The content of an alert. Nothing in it is secret; an empty field is not known.

    `target` is the place of prod, `report` the page about the run on the machine that made it.
    """

    event: str
    promotion: str
    job: str
    run_id: str
    failed: str
    what: str
    objects: tuple[str, ...]
    untouched: str
    to_do: str
    link: str
    target: str = ""
    report: str = ""

    @property
    def text(self) -> str:
        """The whole alert as one message, in the markup of Slack."""
        lines = (
            f"*{_plain(self.promotion)}: {_plain(self.failed)}* (job {_plain(self.job)}, run {self.run_id})",
            _plain(self.what),
            f"On: {_plain(', '.join(self.objects))}" if self.objects else "",
            f"Prod: {_plain(self.target)}" if self.target else "",
            _plain(self.untouched),
            f"What to do: {_plain(self.to_do)}" if self.to_do else "",
            f"Report: {_plain(self.report)}" if self.report else "",
            self.link,
        )
        return "\n".join(line for line in lines if line)

    def payload(self) -> dict[str, object]:
        """Return the JSON to post: `text` for people, and a field for each part."""
        shown = {
            name: tuple(map(visible, value)) if name == "objects" else visible(value)
            for name, value in asdict(self).items()
        }
        return {"text": self.text, **shown}


def title(checks: Sequence[str], step: str) -> str:
    """Return the title of a failure: the checks that failed, else the step.

    >>> title(["plausible", "disk_space", "xml"], "check"), title([], "dump")
    ('plausible failed, and 2 more', 'dump failed')
    """
    more = f", and {len(checks) - 1} more" if len(checks) > 1 else ""
    return f"{checks[0] if checks else step} failed{more}"


def _plain(text: str) -> str:
    """Escape names, so that Slack does not read them as markup: `<!channel>` would call everybody."""
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
