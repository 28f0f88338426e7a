import sharp from 'sharp';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { jpegSize } from '../../src/formats/picture/jpeg_size';

const picture = () => sharp({ create: { width: 70, height: 41, channels: 3, background: '#345' } });

test('the size as it is stored: baseline, progressive, grey, with EXIF and a profile before it; none where it is cut off', async () => {
  for (const jpeg of [
    picture().jpeg(),
    picture().jpeg({ progressive: true }),
    picture().greyscale().jpeg(),
    picture().withMetadata({ orientation: 6 }).jpeg(),
  ]) {
    const bytes = await jpeg.toBuffer();
    assert.equal(jpegSize(bytes), { width: 70, height: 41 });
    const frame = bytes.findIndex((v, i) => v === 0xff && (bytes[i + 1] === 0xc0 || bytes[i + 1] === 0xc2));
    for (let cut = 2; cut < frame + 9; cut++) assert.is(jpegSize(bytes.subarray(0, cut)), null, `${cut}`);
    assert.is(jpegSize(Buffer.concat([bytes.subarray(0, frame), Buffer.from('ffda0008', 'hex'), bytes])), null);
  }
});

test.run();
