"""The words of problems with what devices report; joined in `problem_texts`."""

from collections.abc import Mapping

Text = tuple[int, str, str, str, str]

REPORTS: Mapping[str, Text] = {
    "device_refused": (
        409,
        "设备拒绝了命令",
        "The device refused",
        "设备收到了命令但拒绝执行；请确认设备支持该功能，并查看设备自身的日志。",
        "It took the command and refused it; see whether it can do this, and its own log.",
    ),
    "not_a_device_alarm": (
        409,
        "不是设备上报的报警",
        "Not an alarm of a device",
        "只有设备上报的报警可以复位；其他报警请直接解除。",
        "Only alarms that devices report can be reset; clear the others.",
    ),
}
