"""End-to-end encryption, as far as a server takes part: it carries keys and ciphertext unread.

    shapes           what clients upload: device keys, one-time keys, cross-signing keys
    signing          signatures of JSON objects
    device_keys      upload, query and claim of a device's keys
    cross_signing    a person's signing keys, and who signed what
    to_device        messages to devices, exactly once to each
    inbox            a device's messages and key counts, for sync
    causality        no room event is shown before the room key that opens it
    backup           room keys kept for later devices, encrypted by the client
    dehydration      a device that receives keys while its owner has no other

It promises: a one-time key is handed out once, whatever process is asked and whatever dies; a
message to a device arrives once and is kept until that device has said that it has it.
"""
