"""A client of the inspector: gRPC's C core, and messages by the interface's names, numbers and types.

inspector-client.py ADDRESS watch COUNT [NAME [POD [NAMESPACE [NETNS]]]] | query | unknown | stuck
"""
import json
import sys
import time

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

TEXT, MESSAGE, FLOAT = 9, 11, 2
MESSAGES = {
    "WatchRequest": [("name", TEXT, None), ("filter", MESSAGE, "Meta")],
    "WatchReply": [("name", TEXT, None), ("event", MESSAGE, "Event")],
    "QueryMetricRequest": [("name", TEXT, None), ("filter", MESSAGE, "Meta")],
    "QueryMetricResponse": [("name", TEXT, None), ("metrics", MESSAGE, "Metric")],
    "Meta": [("node", TEXT, None), ("pod", TEXT, None), ("namespace", TEXT, None), ("netns", TEXT, None)],
    "Metric": [("meta", MESSAGE, "Meta"), ("name", TEXT, None), ("value", FLOAT, None)],
    "Event": [("meta", MESSAGE, "Meta"), ("name", TEXT, None), ("value", TEXT, None)],
}

file = descriptor_pb2.FileDescriptorProto(name="inspector.proto", package="proto", syntax="proto3")
for message, fields in MESSAGES.items():
    made = file.message_type.add(name=message)
    for number, (name, kind, of) in enumerate(fields, 1):
        field = made.field.add(name=name, number=number, type=kind, label=3 if name == "metrics" else 1)
        if of:
            field.type_name = ".proto." + of
pool = descriptor_pool.DescriptorPool()
pool.Add(file)


def kind(name):
    found = pool.FindMessageTypeByName("proto." + name)
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(found)
    return message_factory.MessageFactory(pool).GetPrototype(found)


address, what, *rest = sys.argv[1:]
channel = grpc.insecure_channel(address)
request = kind("WatchRequest")()
if what == "query":
    call = channel.unary_unary(
        "/proto.inspector/QueryMetric", kind("QueryMetricRequest").SerializeToString,
        kind("QueryMetricResponse").FromString)
    print(len(call(kind("QueryMetricRequest")(), timeout=60).SerializeToString()))
elif what == "unknown":
    call = channel.unary_unary(
        "/proto.inspector/Nothing", kind("WatchRequest").SerializeToString, kind("WatchReply").FromString)
    try:
        call(request, timeout=60)
    except grpc.RpcError as error:
        print(error.code().name)
else:
    if what == "watch":
        count = int(rest[0])
        request.name, request.filter.pod, request.filter.namespace, request.filter.netns = (rest[1:] + [""] * 4)[:4]
    call = channel.unary_stream(
        "/proto.inspector/WatchEvent", kind("WatchRequest").SerializeToString, kind("WatchReply").FromString)
    stream = call(request)
    stream.initial_metadata()
    print("connected", flush=True)
    if what == "stuck":
        time.sleep(600)
    try:
        for reply in stream:
            event = reply.event
            print(json.dumps([
                reply.name, event.name, event.value, event.meta.node, event.meta.namespace, event.meta.pod,
                event.meta.netns]), flush=True)
            count -= 1
            if count == 0:
                break
        else:
            print(stream.code().name, flush=True)
    except grpc.RpcError as error:
        print(error.code().name, flush=True)
