"""What each endpoint costs the stores: exactly so many turns with Redis and statements, so that none creeps in unseen."""

import sys

import pytest

from harness.trace import TracedFleet, trace_endpoints, write_traces

# turns with Redis, SQL statements, the steps that wait for a store
COSTS = {
    "POST /oauth/initiate, client not cached": (3, 1, {"load", "spend", "count", "persist"}),
    "POST /oauth/initiate": (3, 0, {"spend", "count", "persist"}),
    "GET /oauth/authorize, not logged in": (2, 0, {"first"}),
    "GET /login": (2, 1, {"parse", "client"}),
    # client, user, what a password costs, the audit log
    "POST /login": (6, 4, {"count", "load", "account", "session"}),
    "GET /oauth/authorize": (2, 2, {"first", "load"}),
    "POST /oauth/authorize": (4, 3, {"first", "load", "decide", "audit"}),
    "POST /oauth/token": (5, 1, {"load", "spend", "verifier", "persist", "mark"}),
    "POST /v1/introspect, token not cached": (1, 1, {"load", "spend"}),
    "POST /v1/introspect": (1, 0, {"spend"}),
}
OF_NO_STORE = {"hash"}  # the password, on threads of its own


@pytest.fixture(scope="module")
def traces(tmp_path_factory):
    with TracedFleet(tmp_path_factory.mktemp("traced")) as traced:
        made = trace_endpoints(traced)
    write_traces(made, sys.stdout)  # of a test that failed, pytest shows it
    return made


@pytest.mark.parametrize("endpoint", COSTS)
def test_an_endpoint_asks_the_stores_no_more_often_than_it_must(traces, endpoint):
    trace = traces[endpoint]
    assert (len(trace.turns), len(trace.statements), set(trace.waits) - OF_NO_STORE) == COSTS[endpoint], trace


def test_every_traced_endpoint_has_its_bound(traces):
    assert set(traces) == set(COSTS)


def test_every_command_touches_one_key(traces):
    commands = [command.split() for trace in traces.values() for turn in trace.turns for command in turn]
    assert commands and all(len(command) == 2 for command in commands), commands
