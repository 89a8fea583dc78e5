"""The tables of GB/T 28181 annex E: types (digits 11-13), industries (9-10), network (14).

Data only. Numbers that the tables do not name are kept by everybody who uses them: a new edition
or a maker's extension must never make a code unreadable.
"""

from enum import StrEnum


class CodeKind(StrEnum):
    """What a type number stands for."""

    DEVICE = "device"
    """111-130: recorders, encoders, controllers; they may have channels."""
    CHANNEL = "channel"
    """131-199: cameras and other ends."""
    PLATFORM = "platform"
    """200-299 but the next two: servers of a platform; 200 is the system itself."""
    GROUP = "group"
    """215: a business group."""
    VIRTUAL = "virtual"
    """216: a virtual organisation."""
    USER = "user"
    """300-499."""
    EXTERNAL = "external"
    """500-599: other systems."""
    UNKNOWN = "unknown"
    """The rest: 000-110 and 600-999."""


TYPE_NAMES: dict[int, tuple[str, str]] = {
    111: ("DVR", "DVR"),
    112: ("视频服务器", "video server"),
    113: ("编码器", "encoder"),
    114: ("解码器", "decoder"),
    115: ("视频切换矩阵", "video matrix"),
    116: ("音频切换矩阵", "audio matrix"),
    117: ("报警控制器", "alarm controller"),
    118: ("网络视频录像机", "NVR"),
    120: ("在线视频图像信息采集系统", "online image capture system"),
    121: ("视频卡口", "video checkpoint"),
    122: ("多目设备", "multi-lens device"),
    123: ("停车场出入口控制设备", "car park entrance controller"),
    124: ("人员出入口控制设备", "person entrance controller"),
    125: ("安检设备", "security inspection device"),
    130: ("混合硬盘录像机", "hybrid DVR"),
    131: ("摄像机", "camera"),
    132: ("网络摄像机", "IP camera"),
    133: ("显示器", "display"),
    134: ("报警输入设备", "alarm input"),
    135: ("报警输出设备", "alarm output"),
    136: ("语音输入设备", "audio input"),
    137: ("语音输出设备", "audio output"),
    138: ("移动传输设备", "mobile transmission device"),
    139: ("其他外围设备", "other peripheral"),
    140: ("继电器报警输出设备", "alarm output by relay"),
    141: ("道闸", "barrier gate"),
    142: ("智能门", "smart door"),
    143: ("凭证识别单元", "credential reader"),
    200: ("中心信令控制服务器", "central signalling control server"),
    201: ("Web应用服务器", "web application server"),
    202: ("媒体分发服务器", "media distribution server"),
    203: ("代理服务器", "proxy server"),
    204: ("安全服务器", "security server"),
    205: ("报警服务器", "alarm server"),
    206: ("数据库服务器", "database server"),
    207: ("GIS服务器", "GIS server"),
    208: ("管理服务器", "management server"),
    209: ("接入网关", "access gateway"),
    210: ("媒体存储服务器", "media storage server"),
    211: ("信令安全路由网关", "signalling security routing gateway"),
    215: ("业务分组", "business group"),
    216: ("虚拟组织", "virtual organisation"),
    300: ("中心用户", "centre user"),
    400: ("终端用户", "terminal user"),
    500: ("视频图像信息综合应用平台", "integrated image application platform"),
    501: ("视频图像信息运维管理平台", "image operation and maintenance platform"),
    502: ("视频图像分析系统", "image analysis system"),
    503: ("视频图像信息数据库", "image information database"),
    505: ("视频图像分析设备", "image analysis device"),
}
"""Type number → Chinese and English name. 2022 names; those since 2022 were extensions in 2016."""

NO_PICTURE_TYPES = frozenset({133, 134, 135, 136, 137, 140, 141, 142, 143})
"""Ends that never send a picture; everything else may."""

INDUSTRY_NAMES: dict[str, tuple[str, str]] = {
    "00": ("社会治安路面接入", "社会治安路面接入"),
    "01": ("社会治安社区接入", "社会治安社区接入"),
    "02": ("社会治安内部接入", "社会治安内部接入"),
    "03": ("社会治安其他接入", "社会治安其他接入"),
    "04": ("交通路面接入", "交通路面接入"),
    "05": ("交通卡口接入", "交通卡口接入"),
    "06": ("交通内部接入", "交通内部接入"),
    "07": ("交通其他接入", "交通其他接入"),
    "08": ("城市管理接入", "城市管理接入"),
    "09": ("卫生环保接入", "卫生环保接入"),
    "10": ("商检海关接入", "商检海关接入"),
    "11": ("教育部门接入", "教育部门接入"),
    "12": ("", "民航接入"),
    "13": ("", "铁路接入"),
    "14": ("", "航运接入"),
    "40": ("农林牧渔业接入", "农林牧渔业接入"),
    "41": ("采矿企业接入", "采矿企业接入"),
    "42": ("制造企业接入", "制造企业接入"),
    "43": ("冶金企业接入", "电力热力燃气及水生产供应企业接入"),
    "44": ("电力企业接入", "建筑企业接入"),
    "45": ("燃气企业接入", "批发零售企业接入"),
    "46": ("建筑企业接入", "交通运输仓储和邮政企业接入"),
    "47": ("物流企业接入", "住宿餐饮企业接入"),
    "48": ("邮政企业接入", "信息传输软件和信息技术服务企业接入"),
    "49": ("信息企业接入", "金融企业接入"),
    "50": ("住宿和餐饮企业接入", "房地产企业接入"),
    "51": ("金融企业接入", "租赁和商务服务企业接入"),
    "52": ("房地产业接入", "科学研究和技术服务企业接入"),
    "53": ("商务服务企业接入", "水利环境和公共设施管理企业接入"),
    "54": ("水利企业接入", "居民服务修理和其他服务企业接入"),
    "55": ("娱乐企业接入", "教育企业接入"),
    "56": ("", "卫生和社会工作企业接入"),
    "57": ("", "文化体育和娱乐企业接入"),
    "58": ("", "公共管理社会保障和社会组织接入"),
    "59": ("", "国际组织接入"),
}
"""Industry digits → name by the 2016 and by the 2022 edition, empty where it only reserves them."""

NETWORK_NAMES: dict[str, tuple[str, str]] = {
    "0": ("监控报警专网", "公安视频传输网"),
    "1": ("监控报警专网", "公安视频传输网"),
    "2": ("监控专网", "行业专网"),
    "3": ("监控专网", "政法信息网"),
    "4": ("监控专网", "公安移动信息网"),
    "5": ("公安信息网", "公安信息网"),
    "6": ("政府网", "电子政务外网"),
    "7": ("互联网", "互联网等公共网络"),
    "8": ("社会资源接入网", "专线"),
}
"""Network digit → name by the 2016 and by the 2022 edition; 9 is reserved in both."""


def kind_of_type(number: int) -> CodeKind:
    """What a type number (digits 11-13) stands for; total, so any number has a kind."""
    if number == 215:
        return CodeKind.GROUP
    if number == 216:
        return CodeKind.VIRTUAL
    for first, last, kind in _RANGES:
        if first <= number <= last:
            return kind
    return CodeKind.UNKNOWN


_RANGES = (
    (111, 130, CodeKind.DEVICE),
    (131, 199, CodeKind.CHANNEL),
    (200, 299, CodeKind.PLATFORM),
    (300, 499, CodeKind.USER),
    (500, 599, CodeKind.EXTERNAL),
)
