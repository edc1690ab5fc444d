"""The last one: what `docker compose down -v` leaves."""


def test_down_leaves_nothing(stack):
    assert stack.left()["container"]
    stack.compose("--profile", "*", "down", "-v")
    assert stack.left() == {}
