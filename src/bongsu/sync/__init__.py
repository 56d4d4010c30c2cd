"""What a client has to hear: `/sync`, from the vector it has seen to the one that is pinned now.

    token          what a client brings back: how far it has come, in everything
    filter         what it wants to hear of
    hub            follows the log for connected people; wakes them
    hot_user, room_feed, history   what is kept in memory of people, rooms, memberships
    streams        one small file for each part of an answer
    answer, v2     the parts put together; the request that waits
    sliding        the same streams for clients that look at some rooms first

It promises: a token and the answers that follow it show every visible entry once, in order.
"""
