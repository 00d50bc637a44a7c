"""Transfers that are broken off: a connection that ends leaves a part of the file, a server that stops stores it."""

import asyncio


async def test_a_connection_that_is_cut_leaves_what_came_so_far(drop):
    async with drop.connect() as connection:
        client = await connection.start_sftp_client()
        file = await client.open("outbound/half.bin", "wb")
        await file.write(b"half of it")
        reading = await client.open("inbox/fax.txt", "rb")
        assert await reading.read() == b"hello"
        connection.abort()
    await drop.live.until(lambda: drop.content("outbound/half.bin"))
    assert await drop.content("outbound/half.bin") == b"half of it"
    assert {s[0] for s in await drop.seen()} >= {"file_write", "file_read"}


async def test_a_server_that_stops_stores_what_came_so_far(serve, drop_of):
    async with serve() as live:
        drop = await drop_of(live)
        connection = await drop.connect()
        client = await connection.start_sftp_client()
        file = await client.open("outbound/half.bin", "wb")
        await file.write(b"half of it")
    connection.abort()
    async with serve() as again:
        answer = await again.call("GET", f"/v1/benchmark-runs/{drop.run.id}/files/outbound/half.bin", drop.run.token)
        assert answer.body == b"half of it"


async def test_many_sessions_write_at_once(drop):
    async def put(number):
        async with drop.sftp() as client:
            for count in range(3):
                async with client.open(f"outbound/{number}-{count}.txt", "wb") as file:
                    await file.write(f"{number}-{count}".encode())

    await asyncio.gather(*(put(number) for number in range(10)))
    for number in range(10):
        for count in range(3):
            assert await drop.content(f"outbound/{number}-{count}.txt") == f"{number}-{count}".encode()
