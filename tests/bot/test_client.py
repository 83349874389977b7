from bot.client import GatewayClient, Receipts


async def test_a_closed_client_passes_nothing_on() -> None:
    """
    discord.py tells of being ready two seconds late, and a bot that was stopped meanwhile had no loop left.
    """
    client = GatewayClient(Receipts(), lambda _: None)
    async with client:
        pass
    client.dispatch("ready")


def test_receipts_are_bounded() -> None:
    receipts = Receipts()
    for number in range(10_500):
        receipts.note(str(number), "7")
    assert (None, "7") == (receipts.get("0"), receipts.get("10499"))
