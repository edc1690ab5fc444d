"""What the demo's own client leaves in its volume."""

from harness.signer import Signer


def demo_file(stack, name):
    return stack.compose("run", "--rm", "-T", "--no-deps", "--entrypoint", "cat", "client", f"/run/demo/{name}").stdout.strip()


def demo_signer(stack):
    """The demo client with a token of jane's, by its own command."""
    stack.compose("run", "--rm", "-T", "--no-deps", "client")
    lines = demo_file(stack, "token.env").splitlines()
    held = {name: value.strip("'") for name, value in (line.split("=", 1) for line in lines)}
    return Signer(held["CLIENT_ID"], held["CLIENT_SECRET"], token=held["TOKEN"], token_secret=held["TOKEN_SECRET"],
                  signature_method="HMAC-SHA256")
