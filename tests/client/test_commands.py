"""What is typed: the table, what each command leads to, and what Tab completes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.client.commands import COMMANDS, Here, Local, Mistake, complete, find, parse
from tertulia.client.local import local_lines
from tertulia.client.session import intents as i
from tertulia.client.words import words_for
from tests.client.session_kit import OURS, Table, table

PROMISED = (
    "join part msg query me nick topic kick ban invite op poke away back who whois names list"
    " search ignore contact clear raw quit help"
)
PORTUGUESE = "entrar deixar conversar eu apelido tópico expulsar banir convidar cutucar sair"


@pytest.fixture
def one() -> Table:
    one = table(caps=OURS)
    one.enter("#tea", "rui", "Rita", "eva")
    one.says(":rita!u@h PRIVMSG #tea :hi", ":eva!u@h PRIVMSG ana :psst")
    return one


def here(one: Table, name: str = "#tea") -> Here:
    buffer = one.session.model.get(name) or one.session.model.server
    return Here(buffer, one.session, words_for("en"))


def test_all_are_in_the_table_and_no_name_is_twice() -> None:
    names = [name for one in COMMANDS for name in (one.name, *one.aliases)]
    assert len(names) == len(set(names))
    assert set(PROMISED.split()) <= {one.name for one in COMMANDS}
    assert all(find(name) is not None for name in PORTUGUESE.split())


def test_the_documentation_lists_them() -> None:
    document = Path(__file__).resolve().parents[2] / "docs" / "chat.md"
    text = document.read_text(encoding="utf-8")
    for one in COMMANDS:
        assert f"| `/{one.name}" in text
        assert f"| {one.help} |" in text


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("hello", i.Say("#tea", "hello")),
        ("//hello", i.Say("#tea", "/hello")),
        ("/join #x key", i.Join("#x", "key")),
        ("/ENTRAR #x", i.Join("#x")),
        ("/part", i.Part("#tea")),
        ("/part #x bye all", i.Part("#x", "bye all")),
        ("/msg rui hi there", i.Say("rui", "hi there")),
        ("/me waves", i.Say("#tea", "waves", "action")),
        ("/notice rui x", i.Say("rui", "x", "notice")),
        ("/nick bia", i.Nick("bia")),
        ("/topic", Local("topic", "#tea")),
        ("/topic new topic", i.SetTopic("#tea", "new topic")),
        ("/topic #x new", i.SetTopic("#x", "new")),
        ("/kick rui be gone", i.Kick("#tea", "rui", "be gone")),
        ("/ban rui", i.Ban("#tea", "rui")),
        ("/unban *!*@x", i.Ban("#tea", "*!*@x", on=False)),
        ("/invite rui", i.Invite("rui", "#tea")),
        ("/mode +k key", i.SetModes("#tea", "+k key")),
        ("/poke rui", i.Poke("rui", "#tea")),
        ("/away", i.Away("away")),
        ("/back", i.Away("")),
        ("/who", i.Who("#tea")),
        ("/whois rui", i.Whois("rui")),
        ("/names", i.Names("#tea")),
        ("/list", i.ListChannels()),
        ("/search two words", i.Search("two words", "#tea")),
        ("/clear", i.Clear("#tea")),
        ("/raw VERSION", i.Raw("VERSION")),
        ("/quit see you", i.Quit("see you")),
        ("/sair", i.Quit()),
        ("/help join", Local("help", "join")),
        ("/ignore", Local("ignore")),
    ],
)
def test_what_a_command_leads_to(one: Table, text: str, result: object) -> None:
    assert parse(text, here(one)) == [result]


@pytest.mark.parametrize(
    ("text", "results"),
    [
        ("/query rui hi", [i.OpenQuery("rui"), i.Say("rui", "hi")]),
        ("/op rui eva", [i.SetRank("#tea", "rui"), i.SetRank("#tea", "eva")]),
        ("/ignore rui", [i.Ignore("rui"), Local("ignore")]),
        ("/contact Mum eva", [i.Contact("Mum", "eva"), Local("contact")]),
        ("   ", []),
    ],
)
def test_what_leads_to_several_things(one: Table, text: str, results: list[object]) -> None:
    assert parse(text, here(one)) == results


@pytest.mark.parametrize("text", ["/nope", "/", "/join", "/msg rui", "/kick", "/contact nobody"])
def test_a_mistake_says_what_to_type(one: Table, text: str) -> None:
    with pytest.raises(Mistake) as raised:
        parse(text, here(one))
    assert "/" in str(raised.value)


@pytest.mark.parametrize("text", ["hello", "/me waves", "/part", "/topic x", "/op rui"])
def test_where_nobody_listens(one: Table, text: str) -> None:
    with pytest.raises(Mistake):
        parse(text, here(one, "nowhere"))


def test_who_is_ignored_is_heard_again_by_the_same_command(one: Table) -> None:
    for result in parse("/ignore rui", here(one)):
        if isinstance(result, i.Intent):
            one.session.do(result)
    assert parse("/ignore RUI", here(one))[0] == i.Ignore("RUI", on=False)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("r", ["rita: ", "Rita: ", "rui: "]),
        ("hi RU", ["rui"]),
        ("ev", ["eva: "]),
        ("/jo", ["/join"]),
        ("/to", ["/topic", "/topico"]),
        ("say #t", ["#tea"]),
        ("", []),
        ("xyz", []),
        ("/msg ev", ["eva"]),
    ],
)
def test_completion(one: Table, text: str, found: list[str]) -> None:
    got = complete(text, len(text), here(one))
    assert [one for one in got if one in found] == [one for one in found if one in got]
    assert set(got) >= set(found) - {"rita: ", "Rita: "}


def test_whoever_spoke_last_is_offered_first(one: Table) -> None:
    one.says(":rui!u@h PRIVMSG #tea :x")
    assert complete("r", 1, here(one))[0] == "rui: "


def test_what_is_shown_without_a_server(one: Table) -> None:
    assert local_lines(Local("topic", "#tea"), here(one)) == ["#tea has no topic"]
    one.says(":rui!u@h TOPIC #tea :\x02tea\x02 time")
    assert local_lines(Local("topic", "#tea"), here(one)) == ["#tea: tea time"]
    assert local_lines(Local("ignore"), here(one)) == ["You ignore nobody"]
    one.session.do(i.Ignore("rui"))
    assert local_lines(Local("ignore"), here(one)) == ["You ignore rui"]
    assert local_lines(Local("contact"), here(one)) == ["You have no contacts"]
    one.session.do(i.Contact("Mum", "eva"))
    assert local_lines(Local("contact"), here(one)) == ["Mum: eva"]
    assert len(local_lines(Local("help"), here(one))) == len(COMMANDS)
    [line] = local_lines(Local("help", "/entrar"), here(one))
    assert line.startswith("/join <channel> [password]: ")


@given(st.one_of(st.text(), st.text().map("/{}".format)))
def test_whatever_is_typed_is_done_or_a_mistake(text: str) -> None:
    one = table()
    for place in (here(one), here(one, "#tea")):
        try:
            results = parse(text, place)
        except Mistake:
            continue
        for result in results:
            if isinstance(result, i.Intent):
                one.session.do(result)
            else:
                local_lines(result, place)


@given(
    st.sampled_from([name for one in COMMANDS for name in (one.name, *one.aliases)]),
    st.text(st.sampled_from("ab# \t+-!*:"), max_size=20),
)
def test_whatever_a_command_is_given_is_done_or_a_mistake(name: str, rest: str) -> None:
    one = table()
    one.enter("#tea", "rui")
    try:
        results = parse(f"/{name} {rest}", here(one))
    except Mistake:
        return
    for result in results:
        if isinstance(result, i.Intent):
            one.session.do(result)
        else:
            local_lines(result, here(one))


@given(st.text(max_size=20), st.integers(0, 20))
def test_whatever_is_completed(text: str, cursor: int) -> None:
    one = table()
    one.enter("#tea", "rui")
    assert all(complete(text, cursor, here(one)))
