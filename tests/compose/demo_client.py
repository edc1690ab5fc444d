"""What the demo's own client leaves in its volume."""

from harness.signer import Signer


def demo_file(stack, name):
    return stack.compose("run", "--rm", "-T", "--no-deps", "--entrypoint", "cat", "client", f"/run/demo/{name}").stdout.strip()


def demo_variables(stack, name):
    """Of a file with a NAME=value, or a NAME='value', a line."""
    return {key: value.strip("'") for key, value in (line.split("=", 1) for line in demo_file(stack, name).splitlines())}


def demo_token(stack):
    """Made by the demo client's own command: CLIENT_ID, CLIENT_SECRET, TOKEN and TOKEN_SECRET, a token of jane's."""
    stack.compose("run", "--rm", "-T", "--no-deps", "client")
    return demo_variables(stack, "token.env")


def demo_signer(stack):
    """The demo client with a token of jane's."""
    held = demo_token(stack)
    return Signer(held["CLIENT_ID"], held["CLIENT_SECRET"], token=held["TOKEN"], token_secret=held["TOKEN_SECRET"],
                  signature_method="HMAC-SHA256")
