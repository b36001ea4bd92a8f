"""Signatures against values computed by hand with openssl."""

from billing.rules.signing import secret_of, short_signature, standard_signature

SECRET = "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="  # 0123456789abcdef twice
OTHER = "whsec_" + "YWJjZGVmZ2hpamtsbW5vcGFiY2RlZmdoaWprbG1ub3A="


def test_a_secret_is_the_base64_of_its_bytes() -> None:
    assert secret_of(b"0123456789abcdef" * 2) == SECRET


def test_the_standard_signature() -> None:
    # printf 'dlv_1.1700000000.{"a":1}' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef -binary | base64
    found = standard_signature("dlv_1", 1_700_000_000, b'{"a":1}', [SECRET])
    assert found == "v1,pDcCxKZy5ZCsRlLF2I6GyLbl9YnnCn324Xxk9nbXYWs="
    both = standard_signature("dlv_1", 1_700_000_000, b'{"a":1}', [OTHER, SECRET]).split(" ")
    assert both[1] == found and both[0].startswith("v1,") and both[0] != both[1]


def test_the_short_signature() -> None:
    # printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac 'whsec_MDEy…ZGVm'
    found = short_signature(1_700_000_000, b'{"a":1}', [SECRET])
    assert found == "v1=9d11143238390e896343bee27af85e468c8d1cb0a6821f60322f5b45a2f76170"
    assert short_signature(1_700_000_000, b'{"a":1}', [OTHER, SECRET]).split(",")[1] == found
    assert short_signature(1_700_000_001, b'{"a":1}', [SECRET]) != found
