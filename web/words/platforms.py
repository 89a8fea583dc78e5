"""The words about upper platforms: problems, findings of the preview, and why we are not in."""

from collections.abc import Mapping

from web.words.text import Reason, Text

PLATFORMS: Mapping[str, Text] = {
    "platform_not_found": (
        404,
        "没有该上级平台",
        "There is no such upper platform",
        "它可能已被删除；请刷新上级平台列表。",
        "It may have been removed; load the list of upper platforms again.",
    ),
    "platform_exists": (
        409,
        "该上级平台已存在",
        "The upper platform exists already",
        "每个上级平台编码只能登记一次；请在列表中修改已有的一项。",
        "Each platform code is kept once; change the entry in the list instead.",
    ),
    "platform_loop": (
        409,
        "上级平台的编码就是本平台的编码",
        "The upper platform would be this platform itself",
        "平台不能做自己的上级；请核对上级的服务器编码，或为本平台换一个接入编码。",
        "A platform cannot be above itself: check the server id of the upper, "
        "or register there under another code.",
    ),
    "platform_disabled": (
        409,
        "该上级平台已停用",
        "The upper platform is disabled",
        "请先启用它，启用后会立即注册。",
        "Enable it first; we register at once then.",
    ),
    "cascade_off": (
        503,
        "级联服务尚未运行",
        "The cascade is not running",
        "系统可能正在启动；请稍候再试，仍不行请查看日志。",
        "The system may be starting; try again soon, or read the log.",
    ),
}

PLATFORM_REASONS: Mapping[str, Reason] = {
    "same_as_own": ("与本平台编码相同", "is this platform's own code"),
    "not_a_platform": (
        "类型码应为 200（中心信令控制服务器）",
        "needs type 200 (central signalling control server)",
    ),
    "bad_rule": (
        "前后两段数字的位数应相同，且不能为空",
        "needs as many digits as it replaces, and at least one",
    ),
    "twice": ("出现了两次", "is named twice"),
    "same_code": ("该编码已给了另一项", "is the code of something else already"),
    "unknown_thing": (
        "本平台没有这个通道、设备或组织",
        "is no channel, device or organisation of ours",
    ),
    "too_large": ("文件过大", "is too large a file"),
}

FINDINGS: Mapping[str, tuple[str, str, str, str]] = {
    "nothing_shared": (
        "没有共享任何通道",
        "No channel is shared",
        "请在共享范围里选择组织、类别或单个通道。",
        "Choose organisations, categories or single channels to share.",
    ),
    "left_out_same_code": (
        "两项的编码相同，后一项未共享",
        "Two things have one code; the second is not shared",
        "请给其中一项另一个编码，或改正前缀规则。",
        "Give one of them another code, or correct the prefix rule.",
    ),
    "left_out_own_code": (
        "编码与平台自身相同，未共享",
        "The code is that of a platform itself; it is not shared",
        "请给它另一个编码。",
        "Give it another code.",
    ),
    "left_out_no_code": (
        "没有国标编码，未共享",
        "It has no national code; it is not shared",
        "该区域的序号已用完；请为它手工指定编码。",
        "The serial numbers of its region are used up; give it a code by hand.",
    ),
    "left_out_missing": (
        "下级目录中已没有该通道，未共享",
        "Its device no longer lists it; it is not shared",
        "若摄像机已拆除可忽略；否则请在设备上检查并刷新目录。",
        "Ignore it if the camera is gone; else look at the device and refresh its catalogue.",
    ),
    "left_out_loop": (
        "该通道来自这个上级平台，不再共享回去",
        "It came from that very platform and is not given back",
        "这是防止目录循环，无需处理。",
        "This keeps catalogues from going in circles; nothing has to be done.",
    ),
    "bad_structure": (
        "编码结构可疑",
        "The code looks wrong",
        "前两位应为省级行政区划代码，序号不应为 000000；请核对设备编码或使用编码映射。",
        "The first two digits should be a province and the serial not 000000; "
        "check the device's code or map it.",
    ),
    "civil_mismatch": (
        "行政区划与编码不符",
        "The civil code does not fit the code",
        "请在设备上改正行政区划，或用编码映射改正编码。",
        "Correct the civil code on the device, or map the code.",
    ),
    "not_a_channel_type": (
        "类型码不能作为通道",
        "This type is no channel",
        "上级按第 11–13 位识别通道，应为 131–199；请用编码映射给它 132 类编码。",
        "Upper platforms tell channels by digits 11-13, 131 to 199; map it to a code of type 132.",
    ),
    "parent_not_shared": (
        "父节点未共享",
        "The parent is not shared",
        "上级会把它挂在根下；请同时共享它的父节点。",
        "The upper platform will hang it at its root; share the parent as well.",
    ),
    "orphan": (
        "设备给出的父节点不在任何目录中",
        "Its device names a parent that nobody lists",
        "它会挂在设备之下；请在设备上改正父设备编码。",
        "It hangs below its device; correct the parent's code on the device.",
    ),
    "empty_name": (
        "没有名称",
        "It has no name",
        "请在本平台或设备上填写名称。",
        "Give it a name here or on the device.",
    ),
    "region_without_name": (
        "行政区划没有名称，以代码代替",
        "The region has no name; its code is shown",
        "下级目录中没有这个区划；上级通常自带区划表，可忽略。",
        "No lower platform names it; upper platforms mostly have their own list of regions.",
    ),
    "name_too_long": (
        "名称过长",
        "The name is long",
        "按所选字符集超过 64 字节，一些平台会截断；请缩短名称。",
        "It has more than 64 bytes in the chosen charset, and some platforms cut it; shorten it.",
    ),
    "not_encodable": (
        "名称中有所选字符集没有的字",
        "The charset lacks letters of the name",
        "这些字会变成问号；请改用 GB18030 或修改名称。",
        "They will become question marks; choose GB18030 or change the name.",
    ),
    "odd_name": (
        "名称中有不可见字符",
        "The name holds invisible characters",
        "请在设备上重新填写名称。",
        "Type the name anew on the device.",
    ),
    "same_name": (
        "同一父节点下有同名通道",
        "Channels of one parent have the same name",
        "上级的人无法区分；请改名。",
        "People above cannot tell them apart; rename them.",
    ),
    "serial_gap": (
        "编号不连续",
        "The numbering has gaps",
        "可能漏选了通道；若有意保留可忽略。",
        "Channels may have been forgotten; ignore it if they are kept back on purpose.",
    ),
}
"""Rule of `vms.services.cascade.lint` -> Chinese and English title, Chinese and English advice."""

BAD_CODE_LINES: Mapping[str, Reason] = {
    "columns": (
        "第一行应有列名 ours 和 theirs",
        "the first line must name the columns ours and theirs",
    ),
    "unreadable": (
        "不是可读的 CSV（UTF-8 或 GB18030）",
        "is no readable CSV (UTF-8 or GB18030)",
    ),
    "unknown": ("本平台没有这个编码", "is no code of ours"),
    "bad_code": ("应为 20 位数字", "must have 20 digits"),
    "twice": ("该编码出现了两次", "names a thing a second time"),
    "same_code": ("上级编码与前面一行相同", "gives a code that an earlier line gave"),
    "too_many": ("行数过多", "is one line too many"),
}

UPLINK_FAILURES: Mapping[str, Reason] = {
    "wrong_password": (
        "上级拒绝了密码；请核对用户名和密码。",
        "The upper platform refused the password; check user name and password.",
    ),
    "unknown_to_upper": (
        "上级没有登记本平台的编码；请让上级添加它，或核对接入编码。",
        "The upper platform does not know our code; have it added there or check it here.",
    ),
    "forbidden": (
        "上级拒绝注册；请与上级管理员核对编码、地址和白名单。",
        "The upper platform forbids it; ask there about our code, address and white list.",
    ),
    "refused": (
        "上级拒绝了注册；状态码见旁边，请与上级核对。",
        "The upper platform refused; see the status code and ask there.",
    ),
    "no_answer": (
        "上级没有应答；请检查地址、端口、传输方式和防火墙。",
        "The upper platform does not answer; check address, port, transport and firewall.",
    ),
    "unreachable": (
        "无法到达上级；请检查地址或域名、网络和 TCP 端口。",
        "The upper platform cannot be reached; check address or name, network and TCP port.",
    ),
    "keepalives_missed": (
        "上级连续没有应答心跳，正在重新注册。",
        "The upper platform missed our keepalives; we register anew.",
    ),
    "interval_too_brief": (
        "上级要求更长的注册有效期，已按其要求重试。",
        "The upper platform asked for a longer registration; we try again with it.",
    ),
}
"""`UplinkStatus.failure` -> what to do about it."""
