"""Records of TLS are counted, however they come."""

import pytest

from oyez.net.records import Records

SIZES = [0, 1, 5, 300, 16_384, 0, 0, 7]
STREAM = b"".join(b"\x17\x03\x03" + size.to_bytes(2, "big") + b"x" * size for size in SIZES)


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 4096, len(STREAM)])
def test_in_any_pieces(step: int) -> None:
    records = Records()
    for start in range(0, len(STREAM), step):
        records.follow(STREAM[start : start + step])
        records.follow(b"")
    assert records.begun == len(SIZES)


def test_one_that_has_only_begun_counts() -> None:
    records = Records()
    records.follow(STREAM[:4])
    assert records.begun == 0
    records.follow(STREAM[4:5])
    assert records.begun == 1
    records.follow(b"\x17\x03\x03\x40\x00" * 2)
    assert records.begun == 2
