"""Operations of the spec that are not offered on purpose, and what is answered instead.

404 M_UNRECOGNIZED is the spec's word for it. Whoever adds one of these takes it from here and puts
a step into the scenes: a test holds that every operation is in exactly one of the two.
"""

UNRECOGNIZED = "404 M_UNRECOGNIZED"
DENIED = "403 M_THREEPID_DENIED"

NOT_OFFERED: dict[str, str] = {
    **dict.fromkeys([  # single sign-on
        "redirectToSSO", "redirectToIdP",
    ], UNRECOGNIZED),
    "getWellknownPolicy": UNRECOGNIZED,  # policy servers
    **dict.fromkeys([  # what /sync replaced long ago
        "getEvents", "peekEvents", "initialSync", "getOneEvent",
    ], UNRECOGNIZED),
    **dict.fromkeys([  # the old way without a password, identity servers, phone numbers
        "post3PIDs", "bind3PID", "requestTokenTo3PIDMSISDN", "requestTokenToRegisterMSISDN",
        "requestTokenToResetPasswordMSISDN",
    ], DENIED),
    "unbind3pidFromAccount": "200",
    "inviteBy3PID": "400 M_BAD_JSON",
    "getTurnServer": "200",  # {}: no server; clients take that better than an error
}  # fmt: skip
