"""The words of problems of every kind: requests, people, things, and values not accepted."""

from collections.abc import Mapping

from web.words.text import Reason, Text

GENERAL: Mapping[str, Text] = {
    "bad_request": (
        400,
        "请求无法理解",
        "The request cannot be understood",
        "请检查请求的格式后重试。",
        "Check the form of the request and send it again.",
    ),
    "invalid_request": (
        400,
        "请求参数有误",
        "The request does not fit",
        "请按 errors 中逐项列出的说明修改后重试。",
        "Correct what `errors` lists and send it again.",
    ),
    "invalid": (
        400,
        "该值不可用",
        "A value is not acceptable",
        "请按 errors 中的说明修改后重试。",
        "Change what `errors` names and send it again.",
    ),
    "not_found": (
        404,
        "没有找到",
        "Not found",
        "请检查地址和编号；对象可能已被删除，请刷新列表。",
        "Check the address and the id; it may have been deleted, refresh the list.",
    ),
    "method_not_allowed": (
        405,
        "此地址不支持该方法",
        "The method is not allowed here",
        "请使用 Allow 中列出的方法，或查看 /api/docs。",
        "Use a method that Allow lists, or see /api/docs.",
    ),
    "conflict": (
        409,
        "与当前状态冲突",
        "It conflicts with the present state",
        "请刷新后确认当前状态，再决定是否重试。",
        "Refresh, look at the present state and decide again.",
    ),
    "too_large": (
        413,
        "内容过大",
        "The content is too large",
        "请求内容不能超过 1 MiB，请分次提交。",
        "A request body may have 1 MiB; send it in parts.",
    ),
    "not_json": (
        415,
        "内容类型应为 JSON",
        "The content type must be JSON",
        "请以 Content-Type: application/json 发送。",
        "Send it with Content-Type: application/json.",
    ),
    "upgrade_required": (
        426,
        "此地址只接受 WebSocket",
        "This address speaks WebSocket only",
        "请用 WebSocket 客户端连接；播放器请使用 .flv 或 .mp4 地址。",
        "Connect with a WebSocket client; players use the .flv or .mp4 address.",
    ),
    "not_ready": (
        503,
        "暂时不可用",
        "Not available at this moment",
        "请稍后重试；若持续出现，请查看系统状态页。",
        "Try again shortly; if it stays so, look at the system page.",
    ),
    "database_unavailable": (
        503,
        "数据库暂时不可用",
        "The database is not available now",
        "实时画面不受影响；请稍后重试，若持续出现请检查磁盘和数据库服务。",
        "Live pictures go on; try again shortly, then check the disk and the database server.",
    ),
    "internal": (
        500,
        "平台内部错误",
        "Something failed inside the platform",
        "错误已记入日志；请重试一次，若再次出现，请把时间和操作告诉管理员。",
        "It was logged; try once more, then tell the administrator the time and what you did.",
    ),
}

PEOPLE: Mapping[str, Text] = {
    "unauthenticated": (
        401,
        "请先登录",
        "Please log in",
        "没有登录或登录已过期：请重新登录，或在 Authorization 头中提供有效令牌。",
        "You are not logged in, or no longer: log in again or send a valid bearer token.",
    ),
    "wrong_credentials": (
        401,
        "用户名或密码不正确",
        "The user name or the password is wrong",
        "请检查大小写后重试；多次失败会暂时锁定。忘记密码请联系管理员。",
        "Check upper and lower case; repeated failures lock for a while. "
        "An administrator can set a new password.",
    ),
    "locked_out": (
        429,
        "失败次数过多，已暂时锁定",
        "Locked for a while after too many failures",
        "请稍后再试，或联系管理员。",
        "Try again in a while, or ask an administrator.",
    ),
    "denied": (
        403,
        "没有权限",
        "You may not do this",
        "您的角色不允许此操作；需要时请联系管理员。",
        "Your role does not allow it; ask an administrator if you need it.",
    ),
    "cross_origin": (
        403,
        "拒绝来自其他网站的请求",
        "Refused: the request comes from another site",
        "请在本平台的页面中操作；程序请使用 Authorization: Bearer 令牌而不是 Cookie。",
        "Act from this platform's own pages; programs use a bearer token instead of the cookie.",
    ),
    "user_not_found": (
        404,
        "没有这个用户",
        "No such account",
        "请检查用户名，或刷新用户列表。",
        "Check the user name, or refresh the list of accounts.",
    ),
    "username_taken": (
        409,
        "用户名已存在",
        "The user name is taken",
        "请换一个用户名。",
        "Choose another user name.",
    ),
}

THINGS: Mapping[str, Text] = {
    "device_not_found": (
        404,
        "没有这个设备",
        "No such device",
        "请检查 20 位设备编号，或先在接入页面添加该设备。",
        "Check the 20-digit id, or add the device on the access page first.",
    ),
    "device_exists": (
        409,
        "该设备已存在",
        "The device exists already",
        "请在设备列表中修改它，或换一个编号。",
        "Change it in the list of devices, or use another id.",
    ),
    "channel_not_found": (
        404,
        "没有这个通道",
        "No such channel",
        "请检查 20 位通道编号，或刷新所属设备的目录。",
        "Check the 20-digit code, or refresh the catalogue of its device.",
    ),
    "organisation_not_found": (
        404,
        "没有这个组织",
        "No such organisation",
        "请从 /api/v1/tree 列出的组织中选择。",
        "Choose one that /api/v1/tree lists.",
    ),
    "alarm_not_found": (
        404,
        "没有这条报警",
        "No such alarm",
        "它可能已过保存期，请刷新报警列表。",
        "It may be past its retention; refresh the list of alarms.",
    ),
    "wrong_state": (
        409,
        "当前状态不允许此操作",
        "The present state forbids it",
        "可能已有他人处理：请刷新后查看当前状态。",
        "Somebody else may have dealt with it: refresh and look at its state.",
    ),
    "snapshot_not_found": (
        404,
        "这条报警没有图片",
        "The alarm has no picture",
        "图片可能尚未生成或已过保存期。",
        "It may not be written yet, or be past its retention.",
    ),
    "scene_not_found": (
        404,
        "没有这个场景",
        "No such scene",
        "它可能已被删除，请刷新场景列表。",
        "It may have been deleted; refresh the list of scenes.",
    ),
    "scene_exists": (
        409,
        "同名场景已存在",
        "Such a scene exists already",
        "请修改已有的场景，或换一个名称。",
        "Change the one there is, or choose another name.",
    ),
    "plugin_not_found": (
        400,
        "没有安装这个分析插件",
        "The analysis plugin is not installed",
        "请从 /api/v1/plugins 列出的插件中选择。",
        "Choose one that /api/v1/plugins lists.",
    ),
    "segment_not_found": (
        404,
        "没有这段录像",
        "No such recording",
        "它可能已被循环覆盖，请刷新录像列表。",
        "It may have been overwritten by newer ones; refresh the list.",
    ),
}

GENERAL_REASONS: Mapping[str, Reason] = {
    "same_as_before": ("与当前密码相同", "is the same as before"),
    "too_short": ("太短", "is too short"),
    "too_long": ("太长", "is too long"),
    "bad_quirk": (
        "此行不可用，请检查差异名称、取值和依据",
        "this row cannot be: check quirk, value and evidence",
    ),
    "contains_username": ("不能包含用户名", "must not contain the user name"),
    "bad_address": ("应为 IP 地址，可带端口", "must be an IP address, with or without a port"),
    "bad_code": ("不是有效的 20 位编号", "is not a valid 20-digit code"),
    "too_few_or_too_many_corners": ("区域应有 3 至 64 个顶点", "needs three to 64 corners"),
    "not_printable_or_too_long": (
        "只能使用可打印的 ASCII 字符，且不能过长",
        "takes printable ASCII only, and not too much of it",
    ),
    "before_start": ("应晚于开始时间", "must be later than the start"),
    "in_future": ("不能晚于现在", "must not be later than now"),
    "outside_window": ("不在所选的时间段内", "is outside the chosen stretch of time"),
    "out_of_range": ("超出允许的范围", "is out of range"),
    "unknown": ("没有这个值", "is not a known value"),
}
"""What is wrong with a value that a service did not accept; another reason is shown as it is."""
