"""A second, strict client: what pyvmomi says of the simulator. Reads the password from its input.

Usage: second_client.py PORT USER FLAT_FILE; prints one fact per line.
"""
import os
import ssl
import sys
import time

from pyVim import connect
from pyVmomi import vim, vmodl

MIB = 1 << 20


def wait(task):
    end = time.monotonic() + 30
    while task.info.state in ("queued", "running"):
        if time.monotonic() > end:
            raise SystemExit("the task did not end")
        time.sleep(0.02)
    if task.info.state != "success":
        raise task.info.error
    return task.info.result


def disk_of(holder):
    return [d for d in holder.config.hardware.device if isinstance(d, vim.vm.device.VirtualDisk)][0]


def changed(vm, snapshot, change_id):
    disk = disk_of(snapshot)
    offset, found = 0, []
    while offset < disk.capacityInBytes:
        page = vm.QueryChangedDiskAreas(snapshot, disk.key, offset, change_id)
        found += [(e.start // MIB, e.length) for e in page.changedArea]
        offset = page.startOffset + page.length
    return found


def fault_of(call):
    try:
        call()
    except vmodl.MethodFault as e:
        return type(e).__name__.split(".")[-1]
    return "none"


def write(path, offset):
    with open(path, "r+b") as f:
        f.seek(offset)
        f.write(os.urandom(4096))


def main(port, user, flat):
    context = ssl._create_unverified_context()
    password = sys.stdin.readline().rstrip("\n")
    si = connect.SmartConnect(host="127.0.0.1", port=int(port), user=user, pwd=password, sslContext=context)
    content = si.RetrieveContent()
    print("about", content.about.apiType, content.about.apiVersion)
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    print("vms", " ".join(vm.name for vm in view.view))
    view.Destroy()
    vm = content.searchIndex.FindByInventoryPath("DC0/vm/web01")
    print("same", content.searchIndex.FindByUuid(None, vm.config.instanceUuid, True, True) == vm)
    print("nothing", content.searchIndex.FindByInventoryPath("DC0/vm/nobody"))
    print("power", vm.runtime.powerState, vm.config.firmware, disk_of(vm).backing.changeId)
    wait(vm.ReconfigVM_Task(vim.vm.ConfigSpec(changeTrackingEnabled=True)))
    print("pending", vm.config.changeTrackingEnabled, disk_of(vm).backing.changeId)
    first = wait(vm.CreateSnapshot_Task("first", "by pyvmomi", False, False))
    change_id = disk_of(first).backing.changeId
    print("first", disk_of(first).backing.fileName, change_id.endswith("/1"))
    write(flat, 3 * MIB)
    second = wait(vm.CreateSnapshot_Task("second", "", False, False))
    write(flat, 7 * MIB)
    print("second", disk_of(second).backing.fileName, vm.snapshot.rootSnapshotList[0].childSnapshotList[0].name)
    print("changed", changed(vm, second, change_id))
    print("in use", changed(vm, second, "*"))
    print("device", fault_of(lambda: vm.QueryChangedDiskAreas(second, 2999, 0, change_id)))
    size = disk_of(second).capacityInBytes
    print("end", fault_of(lambda: vm.QueryChangedDiskAreas(second, 2000, size, change_id)))
    print("other life", fault_of(lambda: vm.QueryChangedDiskAreas(second, 2000, 0, "52 00/1")))
    wait(first.RemoveSnapshot_Task(False, True))
    print("left", disk_of(second).backing.fileName, vm.snapshot.currentSnapshot == second)
    wait(second.RemoveSnapshot_Task(False, True))
    print("gone", vm.snapshot, fault_of(lambda: second.RemoveSnapshot_Task(False)))
    connect.Disconnect(si)
    print("without session", fault_of(lambda: vm.QueryChangedDiskAreas(None, 2000, 0, "*")))


main(*sys.argv[1:])
