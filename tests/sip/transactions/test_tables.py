import pytest

from sip.errors import LocalProtocolError
from sip.transactions.tables import (
    INVITE_CLIENT,
    INVITE_SERVER,
    NON_INVITE_CLIENT,
    NON_INVITE_SERVER,
    Input,
    State,
    Table,
    TimerSettings,
    input_of_status,
    take_step,
)

TABLES = {
    "invite client": (INVITE_CLIENT, State.CALLING),
    "non-invite client": (NON_INVITE_CLIENT, State.TRYING),
    "invite server": (INVITE_SERVER, State.PROCEEDING),
    "non-invite server": (NON_INVITE_SERVER, State.TRYING),
}


@pytest.mark.parametrize(("table", "first"), TABLES.values(), ids=TABLES)
def test_every_state_is_reached_and_leads_to_the_end(table: Table, first: State) -> None:
    reached, frontier = {first}, [first]
    while frontier:
        state = frontier.pop()
        for (source, _), step in table.items():
            if source is state and step.state not in reached:
                reached.add(step.state)
                frontier.append(step.state)
    assert reached == {source for source, _ in table} | {State.TERMINATED}
    for state in reached - {State.TERMINATED}:
        assert any(
            source is state and step.state is not state for (source, _), step in table.items()
        )


@pytest.mark.parametrize(("table", "first"), TABLES.values(), ids=TABLES)
def test_nothing_happens_after_the_end(table: Table, first: State) -> None:
    for event in Input:
        with pytest.raises(LocalProtocolError):
            take_step(table, State.TERMINATED, event)


@pytest.mark.parametrize("table", [INVITE_CLIENT, NON_INVITE_CLIENT])
def test_a_client_survives_any_response_in_any_state(table: Table) -> None:
    for state in {source for source, _ in table}:
        for event in (Input.PROVISIONAL, Input.SUCCESS, Input.REJECTION):
            take_step(table, state, event)


@pytest.mark.parametrize("table", [INVITE_SERVER, NON_INVITE_SERVER])
def test_a_server_survives_a_repeated_request_in_any_state(table: Table) -> None:
    for state in {source for source, _ in table}:
        take_step(table, state, Input.REQUEST)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [(100, Input.PROVISIONAL), (199, Input.PROVISIONAL), (200, Input.SUCCESS),
     (299, Input.SUCCESS), (300, Input.REJECTION), (699, Input.REJECTION)],
)  # fmt: skip
def test_statuses_are_sorted(status: int, meaning: Input) -> None:
    assert input_of_status(status) is meaning


def test_patience_is_64_t1() -> None:
    assert TimerSettings().patience_s == 32.0
