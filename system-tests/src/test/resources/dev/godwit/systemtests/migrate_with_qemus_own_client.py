# Drives a migration between two machines with QEMU's own Python library, in the manner of QEMU's own tests.
#   migrate_with_qemus_own_client.py SOURCE-QMP DESTINATION-QMP URI
import asyncio
import sys

from qemu.qmp import QMPClient
from qemu.qmp.qmp_client import ExecuteError


async def main(source_socket, destination_socket, uri):
    source, destination = QMPClient('source'), QMPClient('destination')
    await source.connect(source_socket)
    await destination.connect(destination_socket)
    print('capabilities', *source.greeting.QMP.capabilities)
    try:
        await source.execute('no-such-command')
    except ExecuteError as e:
        print(e.error_class, e)
    capabilities = {'capabilities': [{'capability': c, 'state': True} for c in ('events', 'return-path')]}
    await source.execute('migrate-set-capabilities', capabilities)
    await destination.execute('migrate-set-capabilities', capabilities)
    await destination.execute('migrate-incoming', {'uri': uri})
    told = []
    with source.listener(('MIGRATION', 'STOP')) as events:
        await source.execute('migrate', {'uri': uri})
        async for event in events:
            told.append(event.get('data', {}).get('status', event['event']))
            if told[-1] in ('completed', 'failed'):
                break
    print('told', *told)
    print('source', (await source.execute('query-status'))['status'])
    print('destination', (await destination.execute('query-status'))['status'])
    await source.disconnect()
    await destination.disconnect()


asyncio.run(main(*sys.argv[1:]))
