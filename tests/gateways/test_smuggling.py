"""Requests that two servers could read differently: no second request hidden in one gets to the API unverified."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from wire import HOST, everything_after

SECONDS = 1.5  # how long a connection on which nothing more comes is watched
HIDDEN = f"GET /smuggled HTTP/1.1\r\nHost: {HOST}\r\nX-OAuth-Client-Id: evil\r\n\r\n"


def start(method="POST", *lines, version="HTTP/1.1", target="/photos", host=HOST):
    return "\r\n".join([f"{method} {target} {version}", f"Host: {host}", *lines])


def chunked(body, last="0\r\n\r\n"):
    return f"{len(body):x}\r\n{body}\r\n{last}"


# Each with {auth} where the signed header belongs. All are signed for POST /photos, rightly, and hide HIDDEN somewhere.
CORPUS = {
    "length_and_chunks": start("POST", "{auth}", "Content-Length: 4", "Transfer-Encoding: chunked", "", "0\r\n\r\n" + HIDDEN),
    "chunks_and_length": start("POST", "{auth}", "Transfer-Encoding: chunked", f"Content-Length: {len(HIDDEN) + 5}", "",
                               "0\r\n\r\n" + HIDDEN),
    "two_lengths": start("POST", "{auth}", "Content-Length: 0", f"Content-Length: {len(HIDDEN)}", "", HIDDEN),
    "length_list": start("POST", "{auth}", f"Content-Length: 0, {len(HIDDEN)}", "", HIDDEN),
    "length_plus": start("POST", "{auth}", f"Content-Length: +{len(HIDDEN)}", "", HIDDEN),
    "length_hex": start("POST", "{auth}", "Content-Length: 0x0", "", HIDDEN),
    "length_minus": start("POST", "{auth}", "Content-Length: -1", "", HIDDEN),
    "length_space": start("POST", "{auth}", f"Content-Length : {len(HIDDEN)}", "", HIDDEN),
    "chunks_space": start("POST", "{auth}", "Transfer-Encoding : chunked", "", "0\r\n\r\n" + HIDDEN),
    "chunks_unknown": start("POST", "{auth}", "Transfer-Encoding: xchunked", "", "0\r\n\r\n" + HIDDEN),
    "chunks_twice": start("POST", "{auth}", "Transfer-Encoding: chunked", "Transfer-Encoding: identity",
                          f"Content-Length: {len(HIDDEN) + 5}", "", "0\r\n\r\n" + HIDDEN),
    "chunks_tab": start("POST", "{auth}", "Transfer-Encoding:\tchunked", f"Content-Length: {len(HIDDEN) + 5}", "",
                        "0\r\n\r\n" + HIDDEN),
    "chunks_vertical_tab": start("POST", "{auth}", "Transfer-Encoding: \x0bchunked", f"Content-Length: {len(HIDDEN) + 5}", "",
                                 "0\r\n\r\n" + HIDDEN),
    "chunks_1_0": start("POST", "{auth}", "Transfer-Encoding: chunked", "", "0\r\n\r\n" + HIDDEN, version="HTTP/1.0"),
    "chunk_size_0x": start("POST", "{auth}", "Transfer-Encoding: chunked", "", f"0x0\r\n\r\n{HIDDEN}"),
    "chunk_size_huge": start("POST", "{auth}", "Transfer-Encoding: chunked", "", f"{'f' * 17}0\r\n{HIDDEN}0\r\n\r\n"),
    "chunk_extension_lf": start("POST", "{auth}", "Transfer-Encoding: chunked", "", f"0;a\nb\r\n\r\n{HIDDEN}"),
    "chunk_end_missing": start("POST", "{auth}", "Transfer-Encoding: chunked", "", f"1\r\nab\r\n0\r\n\r\n{HIDDEN}"),
    "trailers": start("POST", "{auth}", "Transfer-Encoding: chunked", "",
                      chunked("x", f"0\r\nX-OAuth-Client-Id: evil\r\nContent-Length: 9\r\n\r\n{HIDDEN}")),
    "fold": start("POST", "{auth}", "X-Folded: a\r\n Transfer-Encoding: chunked", "Content-Length: 0", "", HIDDEN),
    "fold_first": start("POST\r\n X: y", "{auth}", "Content-Length: 0", "", HIDDEN),
    "nul_in_value": start("POST", "{auth}", "X-Nul: a\x00b", "Content-Length: 0", "", HIDDEN),
    "nul_in_name": start("POST", "{auth}", "Content-Length\x00: 5", "Content-Length: 0", "", HIDDEN),
    "nul_in_target": start("POST", "{auth}", "Content-Length: 0", "", HIDDEN, target="/photos\x00/x"),
    "bare_lf": start("POST", "{auth}", "X: y\nContent-Length: 0", "", HIDDEN),
    "bare_cr": start("POST", "{auth}", "X: y\rContent-Length: 5", "Content-Length: 0", "", HIDDEN),
    "lf_lf": start("POST", "{auth}", "Content-Length: 0") + "\n\n" + HIDDEN,
    "two_hosts": start("POST", "{auth}", "Host: evil.example", "Content-Length: 0", "", HIDDEN),
    "host_space": start("POST", "{auth}", "Content-Length: 0", "", HIDDEN, host=f"{HOST} evil.example"),
    "no_host": f"POST /photos HTTP/1.1\r\n{{auth}}\r\nContent-Length: 0\r\n\r\n{HIDDEN}",
    "space_in_target": start("POST", "{auth}", "Content-Length: 0", "", HIDDEN, target="/photos HTTP/1.1\t/x"),
    "crlf_in_target": start("POST", "{auth}", "Content-Length: 0", "", HIDDEN,
                            target="/photos%0d%0aX-OAuth-Client-Id:%20evil"),
    "get_with_body": start("GET", "{auth}", f"Content-Length: {len(HIDDEN)}", "", HIDDEN),
    "head_with_body": start("HEAD", "{auth}", f"Content-Length: {len(HIDDEN)}", "", HIDDEN),
    "expect": start("POST", "{auth}", "Expect: 100-continue", f"Content-Length: {len(HIDDEN)}", "", HIDDEN),
    "upgrade": start("GET", "{auth}", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__",
                     "", HIDDEN),
    "websocket": start("GET", "{auth}", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                       "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "", HIDDEN),
    "pipelined": start("POST", "{auth}", "Content-Length: 0", "", HIDDEN),
}


def sent_to(port, token, name):
    """What came back for a case. Its own path tells it apart at the API, and is what is signed."""
    raw = CORPUS[name].replace("/photos", f"/photos/{name}")
    method = raw.split()[0]
    signed = token.sign(method, f"https://{HOST}/photos/{name}")
    raw = raw.replace("{auth}", f"Authorization: {signed.authorization}")
    return everything_after(port, raw.encode("latin-1"), SECONDS)


@pytest.fixture(scope="module")
def results(gateway, upstream, token):
    """All cases at once, since each waits for more to come: the answer to each, and what of it reached the API."""
    begin = len(upstream.seen)
    with ThreadPoolExecutor(len(CORPUS)) as pool:
        answers = dict(zip(CORPUS, pool.map(lambda name: sent_to(gateway.port, token, name), CORPUS)))
    reached = upstream.seen[begin:]
    assert not [seen for seen in reached if "smuggled" in seen.target], reached
    return {name: (answer, [seen for seen in reached if seen.target.startswith(f"/photos/{name}")])
            for name, answer in answers.items()}


@pytest.mark.parametrize("name", CORPUS)
def test_a_hidden_request_never_gets_to_the_api(results, token, name):
    answer, reached = results[name]
    assert [seen.target for seen in reached] in ([], [f"/photos/{name}"])
    for seen in reached:
        assert seen.one("X-OAuth-Client-Id") == token.client_id and seen.all("Host") == [HOST]
        assert not any("\0" in value for _, value in seen.headers)
    assert answer.lower().count(b"x-upstream") <= len(reached)


def test_the_corpus_is_not_refused_for_another_reason(results):
    """The one case that is no attack at all is let in, its second request refused for itself."""
    answer, reached = results["pipelined"]
    assert len(reached) == 1 and answer.count(b"HTTP/1.1 200") == 1 and answer.count(b"HTTP/1.1 401") == 1
