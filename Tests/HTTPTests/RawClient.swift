import Dispatch
import Glibc
import Synchronization

/// A TCP client that sends exactly the bytes it is told, whole or broken.
///
/// Its calls block, so they run on a queue of their own: a blocked thread of the cooperative pool
/// could be the one that the server's task needs.
final class RawClient: Sendable {
    private let descriptor: Int32
    private let received = Mutex<[UInt8]>([])
    private static let queue = DispatchQueue(label: "raw clients", attributes: .concurrent)
    /// A test that waits longer than this has failed.
    private static let patienceSeconds = 20

    init(port: Int, receiveBufferBytes: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var bytes = receiveBufferBytes {
            unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, 4)
        }
        var patience = timeval(tv_sec: Self.patienceSeconds, tv_usec: 0)
        unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let code = unsafe withUnsafeBytes(of: &address) {
            unsafe connect(
                descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self),
                socklen_t($0.count))
        }
        if code != 0 { throw Failure.refused(errno) }
    }

    deinit { close(descriptor) }

    /// A port that nobody used a moment ago, for programs that cannot choose one themselves.
    static func unusedPort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = unsafe withUnsafeMutableBytes(of: &address) {
            let pointer = unsafe $0.baseAddress?.assumingMemoryBound(to: sockaddr.self)
            guard unsafe bind(descriptor, pointer, length) == 0 else { return Int32(-1) }
            return unsafe getsockname(descriptor, pointer, &length)
        }
        if code != 0 { throw Failure.refused(errno) }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    enum Failure: Error {
        case refused(Int32)
        case noAnswer
    }

    func send(_ text: String) async { await send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) async {
        let descriptor = descriptor
        await withCheckedContinuation { continuation in
            Self.queue.async {
                Self.send(bytes, to: descriptor)
                continuation.resume()
            }
        }
    }

    private static func send(_ bytes: [UInt8], to descriptor: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }

    func leave() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    // MARK: Reading

    /// The next answer, by its length or chunks; throws when the connection ends before it does.
    func answer(toHead: Bool = false) async throws -> RawAnswer {
        let head = try await text(through: "\r\n\r\n")
        var answer = RawAnswer(head: head)
        if toHead || [204, 304].contains(answer.status) { return answer }
        if answer["transfer-encoding"] == "chunked" {
            answer.body = try await chunks()
        } else {
            answer.body = try await take(Int(answer["content-length"] ?? "0") ?? 0)
        }
        return answer
    }

    /// One chunk of a chunked body; empty at the end.
    func chunk() async throws -> String {
        let size = try await text(through: "\r\n").prefix { $0.isHexDigit }
        let bytes = try await take((Int(size, radix: 16) ?? 0) + 2)
        return String(decoding: bytes.dropLast(2), as: UTF8.self)
    }

    private func chunks() async throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            let chunk = try await chunk()
            if chunk.isEmpty { return body }
            body += chunk.utf8
        }
    }

    /// Reads until `end` has been seen; what follows stays for the next call.
    func text(through end: String) async throws -> String {
        while true {
            let found = received.withLock { bytes -> [UInt8]? in
                guard let range = bytes.firstRange(of: Array(end.utf8)) else { return nil }
                defer { bytes.removeFirst(range.upperBound) }
                return Array(bytes[..<range.upperBound])
            }
            if let found { return String(decoding: found, as: UTF8.self) }
            guard await receive() else { throw Failure.noAnswer }
        }
    }

    private func take(_ count: Int) async throws -> [UInt8] {
        while received.withLock({ $0.count }) < count {
            guard await receive() else { throw Failure.noAnswer }
        }
        return received.withLock { bytes in
            defer { bytes.removeFirst(count) }
            return Array(bytes[..<count])
        }
    }

    /// Everything until the other side closes.
    func rest() async -> [UInt8] {
        while await receive() {}
        return received.withLock { $0 }
    }

    /// Whether the other side has closed, with nothing more to read; waits for it.
    func isClosed() async -> Bool { await rest().isEmpty }

    /// False at the end.
    private func receive() async -> Bool {
        let descriptor = descriptor
        let bytes: [UInt8] = await withCheckedContinuation { continuation in
            Self.queue.async {
                var block = [UInt8](repeating: 0, count: 65536)
                let count = unsafe recv(descriptor, &block, block.count, 0)
                continuation.resume(returning: Array(block.prefix(max(0, count))))
            }
        }
        received.withLock { $0 += bytes }
        return !bytes.isEmpty
    }
}

struct RawAnswer {
    let status: Int
    let headers: [(name: String, value: String)]
    var body: [UInt8] = []

    init(head: String) {
        let lines = head.split(separator: "\r\n").map(String.init)
        status = Int(lines.first?.split(separator: " ").dropFirst().first ?? "") ?? 0
        headers = lines.dropFirst().map { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            return (parts[0].lowercased(), String(parts.last?.dropFirst() ?? ""))
        }
    }

    subscript(name: String) -> String? { headers.first { $0.name == name }?.value }

    var text: String { String(decoding: body, as: UTF8.self) }
}
