"""The words of the stream doctor: every verdict, every step of the ladder, every fact."""

from collections.abc import Mapping

from web.language import Language

Words = tuple[str, str]
"""Chinese and English."""
Verdict = tuple[str, str, str, str]
"""Chinese and English title, Chinese and English hint: what to do, not what broke."""

VERDICTS: Mapping[str, Verdict] = {
    "not_examined": (
        "尚未检查过", "Not examined yet",
        "点击“立即检查”，平台会依次尝试各种传输方式。",
        "Press “examine now”: every way of transport is tried in turn.",
    ),
    "examining": (
        "正在检查", "Being examined",
        "请稍候，结果会自动更新。", "Please wait; the result appears by itself.",
    ),
    "channel_unknown": (
        "没有这个通道", "No such channel",
        "请核对 20 位通道编号，并刷新所属设备的目录。",
        "Check the 20-digit code and refresh the catalogue of its device.",
    ),
    "device_offline": (
        "设备没有注册", "The device is not registered",
        "请检查设备电源、网络，以及设备上的平台地址、编号和密码；注册记录见“接入”页。",
        "Check its power and network and the platform address, id and password set on it; "
        "the access page shows its attempts to register.",
    ),
    "channel_off": (
        "设备称该通道离线", "The device says that the channel is off",
        "录像机上的摄像机已断开或停用：请检查摄像机供电、网线和在录像机上的密码。",
        "The camera behind the recorder is disconnected or disabled: check its power, its cable "
        "and its password on the recorder.",
    ),
    "ports_exhausted": (
        "平台媒体端口已用完", "The platform has no media port left",
        "请关闭部分画面，或由管理员扩大 media.ports 的范围并在防火墙放行。",
        "Close some pictures, or let an administrator widen media.ports and open them in the "
        "firewall.",
    ),
    "relay_unreachable": (
        "转发节点无法连接", "No relay node can be reached",
        "请检查转发节点是否运行、网络是否通、relay.nodes 的密钥是否一致。",
        "Check that the relay node runs and is reached, and that its secret is ours.",
    ),
    "platform_busy": (
        "平台信令过载", "The platform's signalling is overloaded",
        "请稍后重试；若反复出现，请减少同时点播的数量或增加节点。",
        "Try again later; if it repeats, ask for fewer pictures at once or add a node.",
    ),
    "platform_stopped": (
        "平台停止了这路画面", "The platform stopped the picture",
        "平台正在关闭或通道已被移除，请稍后重试。",
        "It is shutting down, or the channel was removed; try again later.",
    ),
    "sip_silent": (
        "设备对点播没有任何应答", "The device does not answer the INVITE at all",
        "设备已注册但收不到点播：多为 NAT 映射过期或防火墙拦截；请缩短心跳周期，或改用 TCP 信令。",
        "It is registered but the INVITE does not reach it, mostly because a NAT mapping expired "
        "or a firewall blocks it: shorten its keepalive, or use TCP for signalling.",
    ),
    "sip_trying_only": (
        "设备收到点播后一直没有结果", "The device took the INVITE and never came to a result",
        "设备只回了 100：它的内部可能卡住，请重启设备或录像机，并升级固件。",
        "It only answered 100: it may hang inside; restart the device or recorder and update "
        "its firmware.",
    ),
    "sip_late": (
        "设备应答太晚", "The device answered too late",
        "平台已放弃后设备才同意：请增大 media.invite_timeout_s，或检查设备到摄像机的网络。",
        "It agreed after we had given up: raise media.invite_timeout_s, or check the network "
        "between the device and its camera.",
    ),
    "sip_forbidden": (
        "设备禁止点播", "The device forbids the picture",
        "请在设备的国标设置中核对平台编号和域，并允许本平台点播。",
        "Check the platform id and domain in the device's GB28181 settings and allow this "
        "platform to watch.",
    ),
    "sip_not_found": (
        "设备上没有这个通道编号", "The device does not know the channel code",
        "请核对设备上的通道编号并刷新目录；编号改过后旧通道会一直失败。",
        "Compare the channel code on the device and refresh the catalogue; a changed code makes "
        "the old channel fail for ever.",
    ),
    "sip_unavailable": (
        "设备说摄像机暂时不可用", "The device says that the camera is unavailable",
        "摄像机可能离线或正在启动：请检查摄像机与录像机的连接后重试。",
        "The camera may be off or starting: check its connection to the recorder and try again.",
    ),
    "sip_busy": (
        "设备已达到最大路数", "The device sends as many streams as it can",
        "请关闭其他平台或客户端对该设备的点播，或改用子码流。",
        "Close other platforms' or clients' views of this device, or use its sub-stream.",
    ),
    "sip_transport": (
        "设备不接受这种传输方式", "The device does not accept this way of transport",
        "平台已尝试其他方式；请在设备上启用 UDP 或 TCP 媒体传输，并确认编码为 PS。",
        "The other ways were tried too; enable UDP or TCP media on the device and set the "
        "container to PS.",
    ),
    "sip_device_fault": (
        "设备内部出错", "The device has a fault of its own",
        "设备回了 5xx：请查看设备日志，重启设备，必要时升级固件。",
        "It answered 5xx: see its log, restart it, update its firmware if need be.",
    ),
    "sip_refused": (
        "设备拒绝了点播", "The device refused the picture",
        "请按应答码和设备日志查找原因。",
        "Look for the cause by the status of the answer and the device's log.",
    ),
    "sdp_missing": (
        "设备同意了点播却没有给媒体描述", "The device agreed without describing its media",
        "200 应答里没有 SDP：这是设备固件的缺陷，请升级固件并联系厂家。",
        "Its 200 has no SDP: a defect of its firmware; update it and ask the maker.",
    ),
    "sdp_broken": (
        "设备的媒体描述无法读懂", "The device's media description cannot be read",
        "SDP 不合规范：请升级固件，并把复制的检查结果交给厂家。",
        "Its SDP breaks the format: update the firmware and hand the copied findings to the maker.",
    ),
    "sdp_port_zero": (
        "设备的媒体端口为 0", "The device offers media port 0",
        "设备不打算发送：请检查它的并发路数和码流设置，然后升级固件。",
        "It does not mean to send: check its stream limits and settings, then update it.",
    ),
    "sdp_transport": (
        "设备答应的传输方式与所要求的不同", "The device agreed to another transport than asked",
        "请在设备上改变媒体传输方式（UDP 或 TCP），使之与平台一致。",
        "Change the media transport on the device (UDP or TCP) so that it fits the platform's.",
    ),
    "sdp_no_address": (
        "设备的媒体地址是 0.0.0.0", "The device gives 0.0.0.0 as its media address",
        "请在设备网络设置中填写正确的 IP 和网关；平台改用信令来源地址。",
        "Set a proper IP address and gateway on the device; we use the address its signalling "
        "comes from instead.",
    ),
    "sdp_private_address": (
        "设备给出的媒体地址是内网地址", "The device gives a private media address",
        "设备在 NAT 之后，平台无法主动连接它：请改用 UDP 或 TCP 被动（设备连平台）。",
        "It is behind a NAT, where we cannot connect to it: use UDP or TCP passive (the device "
        "connects to us).",
    ),
    "tcp_not_made": (
        "设备没有连接平台的媒体端口", "The device never connected to our media port",
        "请在防火墙放行平台媒体端口范围的 TCP，并确认设备能访问平台地址。",
        "Open TCP for the platform's media port range in the firewall, and check that the device "
        "reaches our address.",
    ),
    "tcp_refused": (
        "设备拒绝了媒体连接", "The device refused the media connection",
        "设备没有在它所给的端口监听：请改用 UDP 或 TCP 被动，或升级固件。",
        "It does not listen at the port it named: use UDP or TCP passive, or update it.",
    ),
    "tcp_unreachable": (
        "设备的媒体端口连接不上", "The device's media port cannot be reached",
        "平台到设备的 TCP 被拦截或设备在 NAT 之后：请改用 UDP 或 TCP 被动。",
        "TCP towards the device is blocked, or it is behind a NAT: use UDP or TCP passive.",
    ),
    "tcp_silent": (
        "媒体连接已建立但没有数据", "The media connection stands and brings nothing",
        "设备连上后没有发送：请重启设备；若中间有网关或防火墙，请检查其 TCP 代理。",
        "The device connected and sends nothing: restart it; check TCP proxies of gateways and "
        "firewalls between.",
    ),
    "our_address": (
        "告诉设备的平台地址它到不了", "The device cannot reach the address we told it",
        "平台给出的是内网地址而设备在外网：请把 media.advertised_host 设为设备可达的地址。",
        "We offered a private address to a device outside: set media.advertised_host to an "
        "address that it reaches.",
    ),
    "no_packets": (
        "设备同意了点播但没有一个数据包到达", "The device agreed, and not one packet arrives",
        "请在防火墙和路由器上放行平台媒体端口范围的 UDP，并确认设备能访问所给的平台地址。",
        "Open UDP for the platform's media port range in firewalls and routers, and check that "
        "the device reaches the address we offered.",
    ),
    "not_rtp": (
        "到达的数据不是 RTP", "What arrives is not RTP",
        "端口上来的不是国标媒体：请检查设备是否启用了私有协议或加密。",
        "It is no GB28181 media: check whether the device uses a protocol of its own or encrypts.",
    ),
    "wrong_ssrc": (
        "码流的 SSRC 与约定不符，已拒收", "The SSRC is not the agreed one, so it is refused",
        "该设备使用自己的 SSRC：请关闭 media.ssrc_check；共用端口时请给它独立端口。",
        "The device uses an SSRC of its own: switch media.ssrc_check off, or give it a port of "
        "its own instead of the shared one.",
    ),
    "ssrc_taken": (
        "设备应答的 SSRC 属于另一路码流", "The answered SSRC belongs to another stream",
        "为防止串画面已拒收：请让设备使用平台指定的 SSRC，或不使用共用端口。",
        "Refused, so that no picture shows under another's name: let the device use the SSRC it "
        "is told, or do without the shared port.",
    ),
    "foreign_source": (
        "只有陌生来源在向端口发送", "Only strangers send to the port",
        "数据来自别的地址：请检查 NAT、多网卡设置，以及旧会话是否仍在发送。",
        "Packets come from another address: check NAT, several network cards, and whether an old "
        "session still sends.",
    ),
    "encrypted": (
        "码流已加密或为私有格式", "The media are encrypted or of a private format",
        "请在设备上关闭码流加密，封装选择 PS，编码选择 H.264 或 H.265。",
        "Switch stream encryption off on the device, set the container to PS and the encoder to "
        "H.264 or H.265.",
    ),
    "garbage": (
        "码流中找不到可识别的内容", "Nothing known is found in the media",
        "请在设备上把封装设为 PS，并升级固件；复制检查结果给厂家。",
        "Set the container to PS on the device and update it; hand the findings to the maker.",
    ),
    "no_video": (
        "码流中没有可识别的视频", "No video is found in the media",
        "请检查摄像机视频输入和编码设置（H.264 或 H.265），并关闭加密。",
        "Check the camera's video input and encoder (H.264 or H.265), and switch encryption off.",
    ),
    "codec_svac": (
        "视频编码为 SVAC，浏览器无法播放", "The video is SVAC, which no browser plays",
        "请把设备编码改为 H.264 或 H.265。", "Set the encoder of the device to H.264 or H.265.",
    ),
    "codec_unknown": (
        "视频编码无法识别", "The video codec is unknown",
        "请把设备编码改为 H.264 或 H.265，关闭“智能编码”。",
        "Set the encoder to H.264 or H.265 and switch “smart” coding off.",
    ),
    "codec_unplayable": (
        "该视频编码浏览器无法播放", "Browsers cannot play this video codec",
        "请把设备编码改为 H.264。", "Set the encoder of the device to H.264.",
    ),
    "no_key_frame": (
        "一直没有关键帧", "No key frame comes",
        "平台已请求关键帧：请把设备的 I 帧间隔设为 1～2 秒。",
        "We asked for one; set the key frame interval of the device to one or two seconds.",
    ),
    "stalled": (
        "码流中断", "The media stopped",
        "平台会自动重新点播；请检查设备网络和供电，反复出现时查看设备日志。",
        "We ask for it again; check the device's network and power, and its log if it repeats.",
    ),
    "device_ended": (
        "设备主动结束了码流", "The device ended the stream itself",
        "平台会自动重试；请检查设备的路数限制和定时任务。",
        "We try again; check the device's stream limit and its timetables.",
    ),
    "device_lost": (
        "播放中设备掉线", "The device went offline while playing",
        "设备恢复注册后画面会自动回来；请检查其网络是否稳定。",
        "The picture returns when it registers again; check that its network is stable.",
    ),
    "stalls": (
        "画面时断时续", "The picture stops now and then",
        "码流曾中断：请检查设备到平台的带宽、无线链路和供电。",
        "The media stopped of late: check bandwidth, radio links and power on the way.",
    ),
    "loss": (
        "丢包，画面会花屏", "Packets are lost, so the picture breaks up",
        "请检查网络拥塞和线路；该设备可改用 TCP 传输或降低码率。",
        "Check for congestion and bad lines; use TCP for this device, or a lower bit rate.",
    ),
    "disorder": (
        "数据包乱序较多", "Many packets arrive out of order",
        "平台已重新排序；请检查多链路汇聚或无线设备。",
        "They are put in order; check bundled links and radio equipment on the way.",
    ),
    "viewer_slow": (
        "观看端太慢", "A viewer is too slow",
        "有观看者跟不上码流：请检查其网络和电脑，减少同时观看的画面或改用子码流。",
        "A viewer cannot follow: check its network and computer, watch fewer pictures or use the "
        "sub-stream.",
    ),
    "other_transport": (
        "正常；首选传输方式不通，已改用其他方式", "Fine, by another transport than preferred",
        "有效的方式已记住，下次直接使用；如要恢复首选方式，请在设备抽屉中“忘记”。",
        "What works is remembered and used at once next time; “forget” it in the device drawer "
        "to try the preferred one again.",
    ),
    "other_ssrc": (
        "正常；设备使用了自己的 SSRC", "Fine; the device uses an SSRC of its own",
        "不影响播放；启用 media.ssrc_check 或共用端口时会被拒收。",
        "It does no harm; with media.ssrc_check or a shared port it would be refused.",
    ),
    "other_source": (
        "正常；码流来自另一个地址", "Fine; the media come from another address",
        "设备多网卡或在 NAT 之后；若画面不属于该通道，请立即报告。",
        "It has several network cards or is behind a NAT; report it if the picture is not this "
        "channel's.",
    ),
    "strangers": (
        "正常；另有来源在向端口发送", "Fine; somebody else sends to the port as well",
        "已拒收；可能是未结束的旧会话，请重启该来源设备。",
        "It is refused; maybe an old session that was not ended: restart the device it is from.",
    ),
    "sends_ts": (
        "正常；设备发送的是 TS 而不是 PS", "Fine; the device sends TS instead of PS",
        "本平台可以播放；上级平台可能不行，请在设备上改为 PS。",
        "We play it; upper platforms may not: set the container to PS.",
    ),
    "sends_es": (
        "正常；设备发送的是裸码流而不是 PS", "Fine; the device sends a bare stream instead of PS",
        "本平台可以播放；上级平台可能不行，请在设备上改为 PS。",
        "We play it; upper platforms may not: set the container to PS.",
    ),
    "no_stream_map": (
        "正常；码流缺少节目映射（PSM）", "Fine; the stream map (PSM) is missing",
        "平台已自行识别编码；上级平台可能无法播放，请升级固件。",
        "We found out the codec; upper platforms may not: update the firmware.",
    ),
    "wrong_stream_map": (
        "正常；节目映射（PSM）写错了编码", "Fine; the stream map (PSM) names a wrong codec",
        "平台以实际码流为准；上级平台可能无法播放，请升级固件。",
        "We go by the bytes; upper platforms may not: update the firmware.",
    ),
    "garbage_between": (
        "正常；码流中夹有无用字节", "Fine; there are stray bytes in the stream",
        "平台已跳过；请升级固件。", "They are skipped; update the firmware.",
    ),
    "h265": (
        "正常；H.265 需要浏览器支持硬件解码", "Fine; H.265 needs a browser that decodes it",
        "若某台电脑看不到画面，请改用子码流（H.264）或更换浏览器。",
        "Where one computer shows nothing, use the sub-stream (H.264) or another browser.",
    ),
    "fine": ("一切正常", "All is well", "无需处理。", "There is nothing to do."),
    "unexplained": (
        "原因不明", "The cause is not known",
        "请复制检查结果并交给技术支持。", "Copy the findings and hand them to support.",
    ),
}  # fmt: skip

RUNGS: Mapping[str, Words] = {
    "device": ("设备注册", "Device registered"),
    "channel": ("通道状态", "Channel state"),
    "platform": ("平台端口", "Our port"),
    "sip": ("点播应答", "Answer to the INVITE"),
    "sdp": ("媒体描述", "Media description"),
    "connection": ("媒体连接", "Media connection"),
    "packets": ("首个数据包", "First packet"),
    "ssrc": ("SSRC", "SSRC"),
    "container": ("封装", "Container"),
    "codec": ("编码", "Codec"),
    "key_frame": ("首个关键帧", "First key frame"),
    "flow": ("持续接收", "Flow"),
    "viewer": ("观看端", "Viewers"),
}

FACTS: Mapping[str, Words] = {
    "device": ("设备", "Device"),
    "signalling_from": ("信令来源", "Signalling from"),
    "status": ("目录状态", "Catalogue says"),
    "our_address": ("平台接收地址", "We receive at"),
    "port_range": ("需放行的端口范围", "Port range to open"),
    "answer": ("应答", "Answer"),
    "trying": ("临时应答", "Provisional"),
    "their_address": ("设备给出的地址", "Address it gave"),
    "transport": ("传输方式", "Transport"),
    "connections": ("已建立连接", "Connections made"),
    "attempts": ("尝试连接", "Attempts"),
    "fault": ("连接失败原因", "Why it failed"),
    "packets": ("收到的包", "Packets"),
    "media_from": ("码流来源", "Media from"),
    "first_packet": ("首包耗时", "First after"),
    "refused": ("被拒收的来源", "Refused"),
    "not_rtp": ("不是 RTP 的包", "Not RTP"),
    "ssrc_asked": ("要求", "Asked"),
    "ssrc_answered": ("应答", "Answered"),
    "ssrc_seen": ("实际", "Seen"),
    "container": ("按此解析", "Read as"),
    "payload_type": ("负载类型", "Payload type"),
    "packs": ("PS 包头", "Pack headers"),
    "begins": ("起始字节", "First bytes"),
    "garbage": ("无用字节", "Stray bytes"),
    "codec": ("编码", "Codec"),
    "key_frame": ("关键帧耗时", "Key frame after"),
    "thrown_away": ("等待中丢弃的画面", "Pictures skipped"),
    "asked_for_key": ("已请求", "Asked by"),
    "loss": ("丢包率", "Lost"),
    "disorder": ("乱序", "Out of order"),
    "stalls": ("近期中断", "Stalls of late"),
    "bitrate": ("码率", "Bit rate"),
    "dropped": ("观看端丢弃", "Dropped for viewers"),
}


def place_of(language: Language) -> int:
    """Where the words of a language stand."""
    return 0 if language is Language.ZH else 1


def verdict_words(cause: str, language: Language) -> tuple[str, str]:
    """Title and hint of a verdict."""
    words = VERDICTS[cause]
    return words[place_of(language)], words[2 + place_of(language)]
