"""RPL_ISUPPORT: what this server can do, as its clients need to know it."""

from __future__ import annotations

from tertulia.domain.channels import FLAGS
from tertulia.domain.names import CHANNEL_LENGTH, NICKNAME_LENGTH
from tertulia.domain.world import Rules
from tertulia.protocols.irc.config import IrcConfig

CHANNEL_MODES = f"beI,k,l,{FLAGS}"
USER_MODES = "Biow"


def isupport(config: IrcConfig, rules: Rules) -> list[str]:
    """Return the tokens that are true for this server."""
    targets = config.targets_most
    targmax = (
        f"NAMES:,LIST:1,KICK:{targets},WHOIS:1,PRIVMSG:{targets},NOTICE:{targets}"
        f",TAGMSG:{targets},JOIN:,PART:,MONITOR:"
    )
    return [
        f"AWAYLEN={rules.away_bytes}",
        "BOT=B",
        "CASEMAPPING=ascii",
        f"CHANLIMIT=#:{rules.channels_per_user}",
        f"CHANMODES={CHANNEL_MODES}",
        f"CHANNELLEN={CHANNEL_LENGTH}",
        "CHANTYPES=#",
        f"CHATHISTORY={config.history_most}",
        "ELIST=CMNTU",
        "EXCEPTS=e",
        "INVEX=I",
        f"KICKLEN={rules.reason_bytes}",
        f"MAXLIST=beI:{rules.masks_per_list}",
        "MAXTARGETS=" + str(targets),
        "MODES",
        f"MONITOR={config.monitored_most}",
        "MSGREFTYPES=msgid,timestamp",
        f"NAMELEN={rules.realname_bytes}",
        f"NETWORK={config.network}",
        f"NICKLEN={NICKNAME_LENGTH}",
        "PREFIX=(ov)@+",
        "SAFELIST",
        "STATUSMSG=@+",
        f"TARGMAX={targmax}",
        f"TOPICLEN={rules.topic_bytes}",
        "UTF8ONLY",
        "WHOX",
    ]
