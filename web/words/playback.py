"""The words of problems with recordings on devices."""

from collections.abc import Mapping

from web.words.text import Text

PLAYBACK: Mapping[str, Text] = {
    "playback_not_found": (
        404,
        "没有这个回放",
        "No such playback",
        "回放可能早已结束，请重新选择录像。",
        "It may have ended long ago; choose the recording again.",
    ),
    "playback_over": (
        409,
        "回放已结束",
        "The playback is over",
        "请在时间轴上重新选择要看的时间。",
        "Choose a time on the timeline again.",
    ),
    "playback_limit": (
        409,
        "设备的回放路数已满",
        "The device plays back as many recordings as it may",
        "请关闭这台设备的其他回放或下载后重试。",
        "Close another playback or download of this device and try again.",
    ),
    "playback_not_ready": (
        503,
        "回放还没有画面",
        "The playback has no picture yet",
        "请等画面出现后再操作。",
        "Wait for the picture, then try again.",
    ),
    "playback_refused": (
        409,
        "设备拒绝了这个操作",
        "The device refused this command",
        "该设备可能不支持此倍速或定位；请换一个倍速，或重新选择时间。",
        "It may not know this speed or place; take another speed, or choose a time again.",
    ),
    "reverse_refused": (
        409,
        "设备不支持倒放",
        "The device cannot play backwards",
        "请改用正向播放，或向前跳转后再看。倒放由 2022 版标准定义，旧设备多不支持。",
        "Play forwards, or jump back. Playing backwards is of the 2022 edition; few old ones can.",
    ),
    "search_refused": (
        502,
        "设备拒绝了录像查询",
        "The device refused to list its recordings",
        "请查看设备日志，并确认设备装有存储卡或硬盘。",
        "See the device's log, and whether it has a card or a disk.",
    ),
    "search_unanswered": (
        504,
        "设备没有返回录像列表",
        "The device sent no list of recordings",
        "设备可能很忙或不支持录像查询；请缩短时间范围后重试。",
        "It may be busy or not know such queries; ask for a shorter time and try again.",
    ),
    "download_not_found": (
        404,
        "没有这个下载",
        "No such download",
        "它可能已被删除，请刷新下载列表。",
        "It may have been deleted; refresh the list of downloads.",
    ),
    "download_file_not_found": (
        404,
        "文件还没有下载完，或已被清理",
        "The file is not there yet, or no longer",
        "请等下载完成；过期的文件会被自动清理，可重新下载。",
        "Wait until it is complete; old files are removed, and may be fetched again.",
    ),
    "download_limit": (
        409,
        "下载任务太多",
        "Too many downloads",
        "请等一些任务完成，或取消不需要的任务。",
        "Wait until some are done, or cancel what you do not need.",
    ),
    "not_recordable": (
        415,
        "该码流无法保存为文件",
        "The stream cannot be kept as a file",
        "请把设备编码改为 H.264 或 H.265。",
        "Set the device's encoder to H.264 or H.265.",
    ),
    "disk_full": (
        507,
        "磁盘空间不足",
        "The disk is full",
        "请清理磁盘或删除旧的下载文件后重试。",
        "Make room on the disk, or delete old downloads, and try again.",
    ),
}
