// The part of TensorBoard's protobuf schema (event.proto, summary.proto) that a run writes: names, types and field numbers.
import protobuf from 'protobufjs/light.js';

const field = (id: number, type: string) => ({ id, type });
const packed = (id: number) => ({ id, type: 'double', rule: 'repeated', options: { packed: true } });

const root = protobuf.Root.fromJSON({
  nested: {
    Event: {
      oneofs: { what: { oneof: ['fileVersion', 'summary', 'sessionLog'] } },
      fields: {
        wallTime: field(1, 'double'),
        step: field(2, 'int64'),
        fileVersion: field(3, 'string'),
        summary: field(5, 'Summary'),
        sessionLog: field(7, 'SessionLog'),
      },
    },
    SessionLog: { fields: { status: field(1, 'int32') } },
    Summary: { fields: { value: { id: 1, type: 'Value', rule: 'repeated' } } },
    Value: {
      oneofs: { value: { oneof: ['simpleValue', 'image', 'histo'] } },
      fields: {
        tag: field(1, 'string'),
        simpleValue: field(2, 'float'),
        image: field(4, 'Image'),
        histo: field(5, 'HistogramProto'),
      },
    },
    Image: {
      fields: {
        height: field(1, 'int32'),
        width: field(2, 'int32'),
        colorspace: field(3, 'int32'),
        encodedImageString: field(4, 'bytes'),
      },
    },
    HistogramProto: {
      fields: {
        min: field(1, 'double'),
        max: field(2, 'double'),
        num: field(3, 'double'),
        sum: field(4, 'double'),
        sumSquares: field(5, 'double'),
        bucketLimit: packed(6),
        bucket: packed(7),
      },
    },
  },
});

export const EventProto = root.lookupType('Event');

/** SessionLog.SessionStatus: what is known of this step and later ones is void. */
export const START = 1;
