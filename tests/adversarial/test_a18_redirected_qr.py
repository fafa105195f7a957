# SPDX-License-Identifier: GPL-3.0-or-later
"""A18: a QR code leads to another page, or a page shows another code. What is scanned is checked offline: the host
changes no verdict, and a changed fragment is no valid reference.
"""

from __future__ import annotations

import io
import re

import pytest
import zxingcpp
from click.testing import CliRunner
from PIL import Image

import office
from evote.ballot.qr import qr_png
from evote.board.lookup import check_reference_in
from evote.board.record_folder import RecordFolder
from evote.cli import main
from evote.encoding import encode_base64url
from evote.record.reference import Reference
from simulator import CLOSES
from website import current_plan

HOST = "vote.example.org"


def scan(image: bytes) -> str:
    """Return the text of a QR code."""
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(image)))
    return found.text


@pytest.fixture(scope="module")
def election(tmp_path_factory: pytest.TempPathFactory):
    """A closed election, a copy of its record, and the references of two voters."""
    folder = office.open_office(tmp_path_factory.mktemp("a18") / "election")
    with office.enter(folder) as box:
        references = []
        for voter in ("ada", "bea"):
            ballot = office.encrypt(box, voter, "one", "a")
            references.append(box.cast(voter, ballot.to_bytes()).reference)
    office.close_office(folder)
    return RecordFolder(office.copy(folder / "record", folder.parent / "copy")), references


def verdict(record: RecordFolder, text: str):
    return check_reference_in(record, record.election(), text, CLOSES + 86400)


def test_what_is_scanned_has_the_verdicts_of_the_reference(election) -> None:
    record, references = election
    for reference in references:
        found = verdict(record, scan(qr_png(reference, HOST)))
        assert (found.signature, found.presence) == (True, "found")
        assert found == verdict(record, str(reference))


@pytest.mark.parametrize("host", ["evil.example.com", "vote.example.org.evil.example.com", "10.6.6.6:8443"])
def test_another_host_changes_no_verdict(election, host) -> None:
    record, (reference, _) = election
    honest = verdict(record, scan(qr_png(reference, HOST)))
    assert honest.presence == "found"
    assert verdict(record, scan(qr_png(reference, host))) == honest
    for address in (f"https://{host}/r#", f"https://{HOST}@{host}/x?y=z#", f"https://{host}#"):
        assert verdict(record, f"{address}{reference}") == honest


def test_a_changed_fragment_is_invalid(election) -> None:
    record, (reference, other) = election
    honest = scan(qr_png(reference, HOST))
    assert verdict(record, honest).signature
    data = reference.to_bytes()
    for place in range(len(data)):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        text = honest.partition("#")[0] + "#" + encode_base64url(changed)
        found = verdict(record, text)
        assert (found.signature, found.presence) == (False, "unknown")
    spliced = Reference(
        reference.key_id,
        reference.election_prefix,
        reference.contest_number,
        other.leaf_hash,
        reference.publish_by,
        reference.signature,
    )
    assert not verdict(record, scan(qr_png(spliced, HOST))).signature


def test_a_reference_before_the_fragment_is_none(election) -> None:
    record, (reference, _) = election
    for text in (
        f"https://{HOST}/r/{reference}",
        f"https://{HOST}/r?{reference}#",
        f"http://{HOST}/r#{reference}",
    ):
        assert not verdict(record, text).signature


def test_another_voters_code_is_seen_as_another_ballot(election) -> None:
    """A valid code of somebody else has valid verdicts: the short code tells that it is not the voter's own."""
    record, (reference, other) = election
    mine, shown = verdict(record, scan(qr_png(reference, HOST))), verdict(record, scan(qr_png(other, HOST)))
    assert shown.presence == "found"
    assert shown.code != mine.code


def test_the_command_line_draws_and_reads_it(tmp_path) -> None:
    folder = office.open_office(tmp_path / "election", current_plan())
    drawn = tmp_path / "code.png"
    vote = ["vote", str(folder), "--voter", "ada", "--contest", "one", "--choice", "a", "--qr", str(drawn)]
    refused = CliRunner().invoke(main, [*vote, "--host", "https://vote.example.org/"])
    assert refused.exit_code == 1
    assert "REF-8" in refused.output
    done = CliRunner().invoke(main, [*vote, "--host", HOST])
    assert done.exit_code == 0, done.output
    printed = re.search(r"^Reference: (\S+)$", done.output, re.MULTILINE)
    assert printed is not None
    text = scan(drawn.read_bytes())
    assert text == f"https://{HOST}/r#{printed.group(1)}"
    checked = CliRunner().invoke(main, ["check", text, "--record", str(folder / "record")])
    assert checked.exit_code == 0, checked.output
    assert "The signature is valid" in checked.output
