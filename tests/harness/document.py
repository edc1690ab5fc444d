"""The commands of a page below docs/, as they stand there."""

import re

from harness.provider import ROOT


def commands_of(page, title):
    """The lines of the one block that begins with the comment `title`."""
    (block,) = re.findall(rf"```sh\n# {title}\n(.*?)```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.S)
    return block
