"""Contexts from model servers: nothing lost and nothing asked twice, whatever servers answer, and the key stays secret."""

from __future__ import annotations

import re
import threading
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from ragfactory.config import Context
from ragfactory.context.analysis import Analysis
from ragfactory.context.analysis_answers import analysis_schema, read_analysis
from ragfactory.context.entities import Entity
from ragfactory.context.prompt import Completion, Failure, Prompt
from ragfactory.context.remote.balance import Balance, Job, ServerState
from ragfactory.context.remote.servers import Patience, Server, servers_of
from ragfactory.context.remote.writer import RemoteModel
from ragfactory.endpoint import Endpoint
from ragfactory.errors import ConfigError, UsageError
from tests.context.remote.model_servers import PROMISE_S, ModelServer

if TYPE_CHECKING:
    from collections.abc import Iterator

QUICK = Patience(first_rest_s=0.01, longest_rest_s=0.05)
HASTY = Patience(first_rest_s=0.001, longest_rest_s=0.002, strikes=2, give_up=3, tries=3)
KEY = "sk-sesame"


def prompt(own: object, document: str = "doc") -> Prompt:
    return Prompt("Write.", f"{document}|", f"{own}", "en")


def prompts(documents: int, each: int) -> list[tuple[tuple[int, int], Prompt]]:
    return [((d, n), prompt(f"{d}.{n}", f"doc {d}")) for d in range(documents) for n in range(each)]


def server(url: str, **options: Any) -> Server:
    settings = {"kind": "ollama", "concurrency": 1, "timeout_s": PROMISE_S, **options}
    return Server(Endpoint.parse(url), "m", **settings)


def model(*urls: str, patience: Patience = QUICK, **options: Any) -> RemoteModel:
    servers = [server(url, **{"concurrency": 2, **options}) for url in urls]
    return RemoteModel(servers, api_key=KEY, patience=patience)


def all_of(remote: RemoteModel, asked: list[tuple[Any, Prompt]]) -> dict[Any, Completion | Failure]:
    """The results by key; each key comes once."""
    results = list(remote.complete(asked))
    assert sorted(key for key, _ in results) == sorted(key for key, _ in asked)
    return dict(results)


def texts(results: dict[Any, Completion | Failure]) -> set[str]:
    return {result.text for result in results.values() if isinstance(result, Completion)}


def test_six_servers_one_slow_one_dying_one_lying() -> None:
    slow = ModelServer(slow_s=1.0)
    dying = ModelServer(says=lambda n: "close" if n > 3 else None)
    lying = ModelServer(says=lambda n: (200, b"<html>Log in</html>" if n % 2 else b'{"message": {"content": "hal'))
    good = [ModelServer(slow_s=0.005) for _ in range(3)]
    servers = [slow, dying, lying, *good]
    asked = prompts(12, 20)
    with ExitStack() as stack:
        for server in servers:
            stack.enter_context(server)
        remote = model(*(server.url for server in servers))
        results = all_of(remote, asked)
    assert all(result.text == f"about {d}.{n}" for (d, n), result in results.items() if isinstance(result, Completion))
    assert len(texts(results)) == len(asked)

    requests = [sum(server.owns.values()) for server in servers]
    reports = remote.reports()
    assert sum(report.answered for report in reports) == len(asked)
    assert all(report.answered + report.failed <= n for report, n in zip(reports, requests, strict=True))
    for server in (slow, *good):  # nothing is asked of these again that they answered
        assert set(server.owns.values()) == {1}
        assert server.most_at_once <= 2
    assert len(lying.asked) == 1
    assert reports[2].given_up is not None
    assert "as JSON expected" in reports[2].given_up
    assert requests[0] < min(requests[3:]), "the slow one is asked less"


def test_prompts_of_a_document_keep_to_one_server() -> None:
    servers = [ModelServer(slow_s=0.01) for _ in range(3)]
    with ExitStack() as stack:
        for server in servers:
            stack.enter_context(server)
        all_of(model(*(server.url for server in servers), concurrency=1), prompts(9, 10))
    seen = [{m["messages"][1]["content"].partition("|")[0] for m in server.asked} for server in servers]
    assert sum(map(len, seen)) <= 9 + 3, "a document is shared out only when it is all that is left"


def test_what_ollama_and_openai_are_sent_and_what_is_read() -> None:
    with ModelServer("ollama") as ollama, ModelServer("openai") as openai:
        first = all_of(model(ollama.url, kind="auto"), [(1, prompt("a"))])[1]
        second = all_of(model(openai.url + "/", kind="auto"), [(1, prompt("b"))])[1]
        third = all_of(model(openai.url + "/v1", kind="auto"), [(1, prompt("c"))])[1]
    assert first == Completion("about a", read=12, written=3)
    assert second == Completion("about b", read=4, reused=8, written=3)
    assert third == Completion("about c", read=4, reused=8, written=3)
    assert ollama.targets == ["/api/chat"]
    assert openai.targets == ["/v1/chat/completions"] * 2
    assert ollama.asked[0]["keep_alive"]
    assert ollama.asked[0]["options"] == {"temperature": 0.0, "seed": 0, "num_predict": 80, "num_ctx": 8192}
    assert openai.asked[0]["max_tokens"] == 80
    for message in (*ollama.asked, *openai.asked):
        assert message["stream"] is False
        assert message["messages"][0] == {"role": "system", "content": "Write."}
    assert {headers["Authorization"] for headers in ollama.headers} == {f"Bearer {KEY}"}


def test_a_shape_is_asked_for_in_each_servers_own_way() -> None:
    asked = replace(prompt("a"), schema=analysis_schema(["post"]), max_tokens=400)
    with ModelServer("ollama") as ollama, ModelServer("openai") as openai, ModelServer(unheeding=True) as unheeding:
        said = [all_of(model(s.url, kind="auto"), [(1, asked), (2, prompt("b"))]) for s in (ollama, openai, unheeding)]
    for results in said[:2]:
        assert isinstance(results[1], Completion)
        assert read_analysis(results[1].text, "x") == Analysis((Entity("company", "x"),), ("x",), by="model")
    for results in said:
        assert isinstance(results[2], Completion)
        assert results[2].text == "about b"
    assert isinstance(said[2][1], Completion)
    assert read_analysis(said[2][1].text, "x") is None
    for message in ollama.asked:
        shaped = "format" in message
        assert message["options"]["num_predict"] == (400 if shaped else 80)
        assert not shaped or message["format"] == orjson.loads(asked.schema or "")
    for message in openai.asked:
        shaped = "response_format" in message
        assert message["max_tokens"] == (400 if shaped else 80)
        assert not shaped or message["response_format"]["json_schema"]["schema"] == orjson.loads(asked.schema or "")
        assert not shaped or message["response_format"]["json_schema"]["strict"] is True
    assert all(
        sum("schema" in str(message) or "enum" in str(message) for message in s.asked) == 1 for s in (ollama, openai)
    )


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ((200, b"<html></html>"), "is HTML"),
        ((200, b""), "is empty"),
        ((200, b'{"message": {"content": "ha'), "is broken JSON"),
        ((200, b'{"message": 1}'), "is other JSON"),
        ((200, b"hello"), "is no JSON"),
        ((200, b'{"message": {"content": "' + b"a" * (2 << 20)), "longer than 1 MiB"),
        ((307, b""), "sends requests elsewhere"),
        (
            (401, b'{"error": {"message": "wrong key sk-sesame"}}'),
            r"HTTP 401: wrong key \*\*\* \(.*RAGFACTORY_LLM_API_KEY",
        ),
        ((403, b""), r"HTTP 403 \(.*RAGFACTORY_LLM_API_KEY"),
        ((404, b'{"error": "model m not found"}'), r"HTTP 404: model m not found \(.*context\.model"),
        ("hang", r"longer than 1\.5 seconds \(context\.timeout_s"),
        ("drip", r"longer than 1\.5 seconds"),
    ],
)
def test_a_server_that_is_no_use_is_dropped_at_once(said: Any, reason: str) -> None:
    timeout_s = 1.5 if said in {"hang", "drip"} else PROMISE_S
    with ModelServer(says=lambda _n: said) as bad, ModelServer() as good:
        remote = RemoteModel([server(bad.url, timeout_s=timeout_s), server(good.url)], api_key=KEY, patience=QUICK)
        assert len(texts(all_of(remote, prompts(2, 5)))) == 10
    assert len(bad.asked) == 1
    (report, _) = remote.reports()
    assert report.given_up is not None
    assert re.search(reason, report.given_up), report.given_up


@pytest.mark.parametrize("said", ["close", "cut", (500, b""), (503, b"<html>"), (429, b"{}")])
def test_a_server_that_stumbles_is_tried_again(said: Any) -> None:
    with ModelServer(says=lambda n: said if n <= 2 else None) as server:
        remote = model(server.url, concurrency=1)
        assert texts(all_of(remote, prompts(1, 4))) == {f"about 0.{n}" for n in range(4)}
    assert 5 <= len(server.asked) <= 6
    assert remote.reports()[0].given_up is None


def test_a_dead_server_is_probed_and_comes_back() -> None:
    back = threading.Event()

    def says(n: int) -> Any:
        return None if back.is_set() else (503, b"")

    def slowly() -> Iterator[tuple[Any, Prompt]]:
        for key, asked in prompts(1, 60):
            if key[1] == 30:
                back.set()
            yield key, asked

    with ModelServer(says=says) as server, ModelServer(slow_s=0.01) as good:
        remote = model(server.url, good.url, concurrency=2)
        assert len(texts(dict(remote.complete(slowly())))) == 60
    assert all(count == 1 for count in good.owns.values())


def test_a_document_of_a_server_that_fails_does_not_wait_for_all_others() -> None:
    with ModelServer(says=lambda _n: (503, b"")) as failing, ModelServer(slow_s=0.02) as good:
        remote = model(failing.url, good.url, concurrency=1)
        assert len(texts(all_of(remote, prompts(6, 4)))) == 24
    documents = [message["messages"][1]["content"].partition("|")[0] for message in good.asked]
    assert documents[-4:] == ["doc 5"] * 4


def test_when_all_servers_are_dead_the_rest_fails_with_the_reason() -> None:
    with ModelServer() as gone:
        pass
    with ModelServer(says=lambda n: (500, b"") if n > 4 else None) as dying:
        results = all_of(model(gone.url, dying.url, patience=HASTY, concurrency=1), prompts(2, 10))
        assert len(texts(results)) == 4
    failures = [result for result in results.values() if isinstance(result, Failure)]
    assert len(failures) == 16
    assert all(failure.reason.startswith(("no server is left: ", "http://127.0.0.1:")) for failure in failures)
    assert any("HTTP 500" in failure.reason for failure in failures)
    assert "is it running, at that address? context.servers" in failures[-1].reason
    assert KEY not in "".join(failure.reason for failure in failures)


def test_a_prompt_that_a_server_refuses_goes_to_another_and_fails_alone() -> None:
    def unless_long(server: ModelServer) -> Any:
        return lambda n: (400, b'{"error": "too long"}') if "long" in str(server.asked[n - 1]["messages"]) else None

    small, large = ModelServer(), ModelServer()
    small.says = unless_long(small)
    with small, large:
        asked = [(n, prompt("long" if n == 3 else n)) for n in range(8)]
        assert len(texts(all_of(model(small.url, large.url, concurrency=1), asked))) == 8
    alone = ModelServer()
    alone.says = unless_long(alone)
    with alone:
        results = all_of(model(alone.url, concurrency=1), asked)
    assert isinstance(results[3], Failure)
    assert "too long" in results[3].reason
    assert len(texts(results)) == 7
    assert alone.owns["long"] == 1


def test_closing_the_iterator_ends_the_requests_and_asks_nothing_more() -> None:
    with ModelServer(says=lambda n: "hang" if n > 1 else None) as server:
        results = model(server.url).complete(prompts(5, 10))
        assert next(results)
        results.close()
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("writer-")]
    assert len(server.asked) <= 3


def test_a_request_that_takes_long_to_end_holds_up_no_later_call() -> None:
    states = [ServerState("a")]
    before: Balance[int] = Balance(states, QUICK)
    before.offer(Job(1, prompt("a")))
    assert before.take(0)
    before.stop()
    balance: Balance[int] = Balance(states, QUICK)
    balance.offer(Job(2, prompt("b")))
    taken: list[object] = []
    thread = threading.Thread(target=lambda: taken.append(balance.take(0)), daemon=True)
    thread.start()
    thread.join(PROMISE_S)
    assert taken


def test_what_the_prompts_raise_is_raised_where_completions_are_waited_for() -> None:
    def broken() -> Iterator[tuple[int, Prompt]]:
        yield 1, prompt("a")
        raise ZeroDivisionError

    with ModelServer() as server, pytest.raises(ZeroDivisionError):
        list(model(server.url).complete(broken()))


def test_the_key_is_shown_nowhere_and_has_to_fit_a_header() -> None:
    remote = model("http://127.0.0.1:9")
    assert KEY not in repr(remote) + repr(remote.reports())
    with pytest.raises(UsageError, match="a character that a header cannot"):
        RemoteModel((), api_key="line\nend")


def test_servers_come_from_the_configuration() -> None:
    url = "http://127.0.0.1:11434"
    (server,) = servers_of(Context(servers=(url,), model="m", concurrency=8))
    assert (server.endpoint.name, server.model, server.kind, server.concurrency) == (url, "m", "auto", 8)
    assert len(servers_of(Context(servers=(f"{url}/one", f"{url}/two"), model="m"))) == 2
    for settings, message in (
        (Context(), "context.servers: at least one"),
        (Context(servers=(url,)), "context.model: the name"),
        (Context(servers=(url, "http://other", f"{url}/"), model="m"), f"each server once expected, got {url} 2 times"),
    ):
        with pytest.raises(ConfigError, match=message):
            servers_of(settings)


def test_a_server_that_does_not_say_what_it_is_is_overdue() -> None:
    with ModelServer(speaks="nothing") as server:
        remote = model(server.url, kind="auto", timeout_s=0.3)
        assert all(isinstance(result, Failure) for result in all_of(remote, prompts(1, 2)).values())
        server.released.set()
    assert remote.reports()[0].given_up == "it took longer than 0.3 seconds (context.timeout_s allows it more)"
