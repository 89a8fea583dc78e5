from channel_registry.queries.presets import forget_preset, name_preset, preset_names
from tests.vms.bench import CHANNEL, OTHER_CHANNEL


def test_names_are_kept_replaced_and_forgotten(database) -> None:
    name_preset(database, CHANNEL, 1, "井口")
    name_preset(database, CHANNEL, 2, "东")
    name_preset(database, CHANNEL, 1, "井口西")
    assert preset_names(database, CHANNEL) == {1: "井口西", 2: "东"}
    assert preset_names(database, OTHER_CHANNEL) == {}
    forget_preset(database, CHANNEL, 1)
    forget_preset(database, CHANNEL, 9)
    assert preset_names(database, CHANNEL) == {2: "东"}
