"""`cairn erasures`: the proof that a deleted document is gone."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from app import settings as configuration
from app.cli import show
from app.cli.client import connect
from app.cli.exits import Failure
from app.cli.show import AsJson

app = typer.Typer(help="Receipts of deleted documents.", no_args_is_help=True)


@app.command("show")
def show_receipt(
    erasure_id: str,
    public_key: Annotated[
        str | None, typer.Option(help="What you verify with (base64); default: the server's, which proves less.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Print a deletion's receipt and verify its signature; exit code 1 unless it holds."""
    client = connect(configuration.load())
    erasure = client.get(f"/v1/erasures/{erasure_id}")
    valid = erasure["receipt"] is not None and verify(
        erasure["receipt"], erasure["signature"], public_key or client.get("/v1/erasures/key")["public_key"]
    )
    if json:
        show.as_json({**erasure, "signature_valid": valid})
    else:
        show.erasure(erasure, valid=valid)
    sys.exit(0 if valid else 1)


def verify(receipt: dict[str, Any], signature: dict[str, str], public_key: str) -> bool:
    """Whether the key's owner signed this very receipt. Raises Failure when the key is none."""
    from app.services.signatures import signed

    try:
        return signed(receipt, signature, public_key)
    except ValueError:
        raise Failure("The public key is not 32 bytes in base64.") from None
