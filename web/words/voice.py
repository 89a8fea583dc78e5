"""What people are told when voice to devices does not work."""

from collections.abc import Mapping

from web.words.text import Reason, Text

VOICE: Mapping[str, Text] = {
    "talk_busy": (
        409,
        "正有人与该摄像机对讲",
        "Somebody is talking to this camera",
        "请等对方讲完，或请其结束对讲。",
        "Wait until they have finished, or ask them to end the talk.",
    ),
    "voice_busy": (
        409,
        "该通道正在播放更紧急的广播",
        "Something more urgent is being broadcast there",
        "请等广播结束后再对讲，或在广播页停止它。",
        "Wait for its end, or stop it on the broadcast page.",
    ),
    "microphone_busy": (
        409,
        "这次讲话的话筒已打开或讲话已结束",
        "This talk has its microphone already, or is over",
        "请重新开始对讲或喊话。",
        "Begin a new talk or live broadcast.",
    ),
    "broadcast_not_found": (
        404,
        "没有这次广播或对讲",
        "No such broadcast or talk",
        "它可能已结束较久；请刷新广播列表。",
        "It may have ended long ago; reload the list of broadcasts.",
    ),
    "announcement_not_found": (
        404,
        "没有这条预录广播",
        "No such announcement",
        "它可能已被删除；请刷新列表后重选。",
        "It may have been removed; reload the list and choose again.",
    ),
    "announcement_in_use": (
        409,
        "定时广播正在使用这条录音",
        "The timetable uses this announcement",
        "请先修改或删除使用它的定时广播。",
        "Change or remove the timetable line that uses it first.",
    ),
    "timetable_entry_not_found": (
        404,
        "没有这条定时广播",
        "No such line in the timetable",
        "它可能已被删除；请刷新列表。",
        "It may have been removed; reload the list.",
    ),
    "timetable_full": (
        409,
        "定时广播数量已达上限",
        "The timetable is full",
        "请先删除不再需要的定时广播。",
        "Remove lines that are no longer needed first.",
    ),
    "library_full": (
        409,
        "预录广播数量已达上限",
        "The library of announcements is full",
        "请先删除不再需要的录音。",
        "Remove announcements that are no longer needed first.",
    ),
    "too_many_broadcasts": (
        409,
        "排队的广播太多",
        "Too many broadcasts are waiting",
        "请等一部分结束，或停止不需要的广播。",
        "Wait until some have ended, or stop those that are not needed.",
    ),
    "speech_engine_missing": (
        503,
        "服务器未安装语音合成引擎",
        "The server has no speech engine",
        "请管理员在服务器上执行 apt-get install espeak-ng，然后重试；录音和喊话不受影响。",
        "Ask an administrator to run apt-get install espeak-ng on the server; files and "
        "microphones work without it.",
    ),
    "speech_engine_failed": (
        503,
        "语音合成失败",
        "The speech engine gave no sound",
        "请换一段文字重试；若反复出现，请管理员检查 espeak-ng。",
        "Try another text; if it repeats, let an administrator check espeak-ng.",
    ),
}

VOICE_REASONS: Mapping[str, Reason] = {
    "nobody_hears": ("没有可以收听的目标", "names nobody who can hear"),
    "too_many_targets": ("目标太多，最多 500 个", "names too many targets; 500 are possible"),
    "one_source": (
        "应恰好选择录音、文字、话筒之一",
        "needs exactly one of announcement, text and microphone",
    ),
    "not_a_sound": (
        "不是能识别的声音文件，或没有声音，或超过十分钟",
        "is no sound file we can read, has no sound, or is longer than ten minutes",
    ),
}
"""What is wrong with a value of a broadcast."""
