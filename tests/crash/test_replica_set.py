"""What a replica set of our own is told, as far as that can be seen without its program."""

from pathlib import Path

from tests.crash.replica_set import ReplicaSet


def test_three_members_share_a_set_with_an_oplog_that_is_soon_overrun() -> None:
    members = ReplicaSet("/opt/mongod", Path("/data"), [1001, 1002, 1003])
    assert ["127.0.0.1:1001", "127.0.0.1:1002", "127.0.0.1:1003"] == [
        member["host"] for member in members.configuration["members"]
    ]
    assert "replicaSet=proof" in members.uri
    arguments = members.arguments(1002)
    assert "/opt/mongod" == arguments[0]
    assert {"--replSet": "proof", "--port": "1002", "--oplogSize": "8"}.items() <= dict(
        zip(arguments[2::2], arguments[3::2], strict=True)
    ).items()
