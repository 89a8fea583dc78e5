"""The words of problems with devices that are told to do something."""

from collections.abc import Mapping

from web.words.text import Reason, Text

CONTROL: Mapping[str, Text] = {
    "device_refused": (
        502,
        "设备拒绝了此操作",
        "The device refused it",
        "设备可能不支持此功能，或当前状态不允许。",
        "It may not have the function, or its state forbids it.",
    ),
    "device_silent": (
        504,
        "设备收到了命令但没有给出结果",
        "The device took the question and sent no answer",
        "多数情况下是设备不支持此功能；请查看设备说明书或升级固件。",
        "Most often it does not have the function; see its manual or update its firmware.",
    ),
    "edition_too_old": (
        409,
        "设备的国标版本太旧",
        "The device's edition of GB/T 28181 is too old",
        "此功能需要 GB/T 28181-2022，该设备使用的是更早的版本；请升级设备固件。",
        "The function needs GB/T 28181-2022 and this device speaks an older edition; "
        "update its firmware.",
    ),
    "ptz_missing": (
        409,
        "该摄像机没有云台",
        "The camera cannot turn",
        "设备目录中它是固定枪机；若实际有云台，请在设备上改正云台类型后刷新目录。",
        "Its device lists it as fixed; if it can turn, correct its PTZ type on the device and "
        "refresh the catalogue.",
    ),
    "ptz_held": (
        409,
        "其他人正在控制该摄像机",
        "Somebody else is steering the camera",
        "holder 中有控制者的名字；请稍候几秒，或请对方释放控制。",
        "`holder` names who it is; wait a few seconds or ask them to let go.",
    ),
    "config_restarts": (
        409,
        "读写此配置会使设备注销并重启",
        "The device would drop its registration and restart",
        "差异表记载该设备收到 BasicParam 后会重启；确需执行时请以 force 再次提交。",
        "So the quirk table says of it; send the request again with force to do it nevertheless.",
    ),
    "home_preset_ignored": (
        409,
        "设备未采用所选的看守位预置位",
        "The device took another preset for its home position",
        "看守位已生效，但设备使用了自己的预置位编号；请在设备上把看守位保存到该编号。",
        "The home position is on, with the device's own preset: save the place under that number.",
    ),
    "home_needs_preset": (
        409,
        "看守位需要先选预置位",
        "A home position needs a preset",
        "请先保存一个预置位，再把它设为看守位。",
        "Save a preset first, then make it the home position.",
    ),
    "upgrade_running": (
        409,
        "设备正在升级",
        "An upgrade of the device is running",
        "请等待升级结果；设备重启后会自动上报。",
        "Wait for its result; the device reports it after its restart.",
    ),
    "config_type_not_found": (
        404,
        "没有这种配置",
        "No such configuration",
        "请从读取到的配置类型中选择；抓拍请使用抓拍功能。",
        "Choose one that was read; pictures are taken by the snapshot function.",
    ),
    "snapshot_order_not_found": (
        404,
        "没有这次抓拍",
        "No such order of pictures",
        "它可能已过期，请重新抓拍。",
        "It may have expired; take a new picture.",
    ),
    "too_many_snapshots": (
        503,
        "正在进行的抓拍太多",
        "Too many pictures are being taken",
        "请等待前面的抓拍完成后重试。",
        "Wait until earlier ones have arrived.",
    ),
    "picture_not_found": (
        404,
        "没有这张图片",
        "No such picture",
        "它可能已过保存期，请刷新列表。",
        "It may be past its retention; refresh the list.",
    ),
    "upload_not_found": (
        404,
        "上传地址无效或已过期",
        "The upload address is wrong or has expired",
        "每次抓拍都有新的上传地址，请重新抓拍。",
        "Each order has an address of its own; order again.",
    ),
    "upload_full": (
        409,
        "图片数量已满",
        "All pictures of the order have come",
        "请重新抓拍。",
        "Order again.",
    ),
}

CONTROL_REASONS: Mapping[str, Reason] = {
    "out_of_range": ("超出允许范围", "is outside the range"),
    "not_a_number": ("应为数字", "must be a number"),
    "not_text": ("应为文本", "must be text"),
    "not_a_flag": ("应为 true 或 false", "must be true or false"),
    "not_a_list": ("应为列表", "must be a list"),
    "not_an_object": ("应为对象", "must be an object"),
    "bad_name": ("名称不可用", "is not a usable name"),
    "too_slow": ("上传太慢", "came too slowly"),
    "bad_form": ("表单无法读取", "is in a form that cannot be read"),
    "not_jpeg": ("不是 JPEG 图片", "is not a JPEG picture"),
}
"""What is wrong with a value of a configuration or an upload."""
