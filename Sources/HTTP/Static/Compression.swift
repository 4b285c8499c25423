import CBrotli
import CZlib

/// Whole files compressed once, at start.
enum Compression {
    /// Above this, brotli's best level takes longer than a start should.
    static let brotliBestBytesMax = 64 * 1024

    /// RFC 1952, without a time, so that the same file always gives the same bytes.
    static func gzip(_ bytes: [UInt8]) -> [UInt8]? {
        var stream = unsafe z_stream()
        let gzipWindowBits: Int32 = 15 + 16
        guard
            unsafe deflateInit2_(
                &stream, Z_BEST_COMPRESSION, Z_DEFLATED, gzipWindowBits, 8, Z_DEFAULT_STRATEGY,
                ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { return nil }
        defer { unsafe deflateEnd(&stream) }
        let capacity = unsafe Int(deflateBound(&stream, UInt(bytes.count)))
        var input = bytes
        var isWhole = false
        let output = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            unsafe input.withUnsafeMutableBufferPointer { input in
                unsafe stream.next_in = input.baseAddress
                unsafe stream.avail_in = UInt32(input.count)
                unsafe stream.next_out = buffer.baseAddress
                unsafe stream.avail_out = UInt32(capacity)
                unsafe isWhole = deflate(&stream, Z_FINISH) == Z_STREAM_END
            }
            count = unsafe Int(stream.total_out)
        }
        return isWhole ? output : nil
    }

    /// RFC 7932.
    static func brotli(_ bytes: [UInt8]) -> [UInt8]? {
        let quality = bytes.count <= brotliBestBytesMax ? BROTLI_MAX_QUALITY : 9
        let capacity = BrotliEncoderMaxCompressedSize(bytes.count)
        guard capacity > 0 else { return nil }
        var isWhole = false
        let output = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            count = capacity
            isWhole =
                unsafe BrotliEncoderCompress(
                    quality, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_TEXT, bytes.count, bytes, &count,
                    buffer.baseAddress) == BROTLI_TRUE
            if !isWhole { count = 0 }
        }
        return isWhole ? output : nil
    }
}
