import pytest

from analytics.rules.region import Region

TRIANGLE = Region([(0.1, 0.9), (0.5, 0.1), (0.9, 0.9)])
HOOK = Region([(0, 0), (1, 0), (1, 1), (0.8, 1), (0.8, 0.2), (0, 0.2)])


@pytest.mark.parametrize(
    ("region", "point", "is_inside"),
    [
        (TRIANGLE, (0.5, 0.5), True),
        (TRIANGLE, (0.15, 0.2), False),
        (HOOK, (0.9, 0.9), True),
        (HOOK, (0.4, 0.6), False),
        (Region([]), (0.99, 0.01), True),
    ],
)
def test_point_in_polygon(region: Region, point: tuple[float, float], is_inside: bool) -> None:
    assert region.contains(point) is is_inside


def test_box_touches_where_its_middle_does_not() -> None:
    assert TRIANGLE.touches((0.0, 0.7, 0.3, 0.95))
    assert not TRIANGLE.touches((0.0, 0.0, 0.1, 0.1))


def test_two_corners_are_no_region() -> None:
    with pytest.raises(ValueError, match="three corners"):
        Region([(0, 0), (1, 1)])
