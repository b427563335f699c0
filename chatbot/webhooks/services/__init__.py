"""What people and processes do with webhooks.

faults        why a delivery did not work out
recording     an event is written down for those that want it, in the caller's transaction
registration  people add, change and delete webhooks
resending     they try one, and have something sent again
sending       a delivery is claimed (claims), sent (signing) and recorded (outcomes)
upkeep        what has grown old goes, and how it stands

Nothing is imported here: every worker records, and few processes send.
"""
