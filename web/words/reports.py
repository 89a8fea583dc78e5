"""The words of problems with what devices report."""

from collections.abc import Mapping

from web.words.text import Text

REPORTS: Mapping[str, Text] = {
    "not_a_device_alarm": (
        409,
        "不是设备上报的报警",
        "Not an alarm of a device",
        "只有设备上报的报警可以复位；其他报警请直接解除。",
        "Only alarms that devices report can be reset; clear the others.",
    ),
}
