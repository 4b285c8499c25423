import Dispatch
import Glibc
import Synchronization

/// A real server that says exactly the bytes a test wants, and remembers what it heard.
///
/// Connections are served on queues of their own with blocking calls, so a test can hold one open.
package final class ScriptedServer: Sendable {
    /// One request on one connection, and the ways to answer it.
    package struct Exchange: Sendable {
        package let head: String
        package let body: [UInt8]
        /// 0 for the first connection that was accepted.
        package let connection: Int
        fileprivate let socket: Int32

        package var method: String { String(head.prefix { $0 != " " }) }
        package var target: String { String(head.split(separator: " ").dropFirst().first ?? "") }

        package func header(_ name: String) -> String? {
            for line in head.split(separator: "\r\n").dropFirst() {
                let parts = line.split(separator: ":", maxSplits: 1)
                guard parts[0].lowercased() == name.lowercased() else { continue }
                return String(parts.dropFirst().first?.drop { $0 == " " } ?? "")
            }
            return nil
        }

        package func say(_ text: String) {
            ScriptedServer.say(text, on: socket)
        }

        package func ok(_ body: String = "ok", headers: String = "") {
            say("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
        }

        /// Returns when the client has gone.
        package func waitForHangUp() {
            var byte: UInt8 = 0
            while unsafe recv(socket, &byte, 1, 0) > 0 {}
        }

        package func hangUp() { shutdown(socket, Int32(SHUT_RDWR)) }
    }

    package typealias Handler = @Sendable (Exchange) -> Void

    private struct Record {
        var requests: [Exchange] = []
        var connections = 0
        var openNow = 0
        var openMost = 0
    }

    private let listener: Int32
    private let greeting: String
    private let handler: Handler
    private let record = Mutex(Record())
    package let port: Int

    package var requests: [Exchange] { record.withLock { $0.requests } }
    package var connections: Int { record.withLock { $0.connections } }
    package var openMost: Int { record.withLock { $0.openMost } }
    package var url: String { "http://127.0.0.1:\(port)" }

    /// A server that speaks first says `greeting` on every connection.
    package init(
        unixSocket path: String? = nil, greeting: String = "", _ handler: @escaping Handler
    ) {
        (listener, port) = path.map { (Self.listen(path: $0), 0) } ?? Self.listen()
        self.greeting = greeting
        self.handler = handler
        let (listener, accept) = (listener, { [self] in serve($0) } as @Sendable (Int32) -> Void)
        DispatchQueue(label: "scripted.accept").async {
            while true {
                let socket = Glibc.accept(listener, nil, nil)
                // Closed here and nowhere else: the number would otherwise be another server's by
                // now.
                guard socket >= 0 else { return _ = Glibc.close(listener) }
                DispatchQueue(label: "scripted.connection").async { accept(socket) }
            }
        }
    }

    /// Stops accepting; connections that are open stay until their client goes.
    package func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private static func listen() -> (Int32, Int) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                precondition(unsafe bind(listener, address, length) == 0)
                precondition(Glibc.listen(listener, 64) == 0)
                unsafe _ = getsockname(listener, address, &length)
            }
        }
        return (listener, Int(UInt16(bigEndian: address.sin_port)))
    }

    static func listen(path: String) -> Int32 {
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let isBound = unsafe withAddress(path) { unsafe bind(listener, $0, $1) == 0 }
        precondition(isBound && Glibc.listen(listener, 64) == 0)
        return listener
    }

    /// The address of a socket in the file system, for the time of `body`.
    static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Bool
    ) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { room in
            unsafe room.copyBytes(from: path.utf8)
        }
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe body(address, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private func serve(_ socket: Int32) {
        let connection = record.withLock { record in
            record.connections += 1
            record.openNow += 1
            record.openMost = max(record.openMost, record.openNow)
            return record.connections - 1
        }
        Self.say(greeting, on: socket)
        while let (head, body) = Self.read(socket) {
            let exchange = Exchange(
                head: head, body: body, connection: connection, socket: socket)
            record.withLock { $0.requests.append(exchange) }
            handler(exchange)
        }
        record.withLock { $0.openNow -= 1 }
        Glibc.close(socket)
    }

    private static func say(_ text: String, on socket: Int32) {
        var bytes = Array(text.utf8)
        while !bytes.isEmpty {
            let count = unsafe send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
            guard count > 0 else { return }
            bytes.removeFirst(count)
        }
    }

    private static func read(_ socket: Int32) -> (String, [UInt8])? {
        var head: [UInt8] = []
        while !head.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            guard let byte = read(1, from: socket) else { return nil }
            head += byte
        }
        let text = String(decoding: head, as: UTF8.self)
        let exchange = Exchange(head: text, body: [], connection: 0, socket: socket)
        let length = Int(exchange.header("Content-Length") ?? "0") ?? 0
        return read(length, from: socket).map { (text, $0) }
    }

    private static func read(_ count: Int, from socket: Int32) -> [UInt8]? {
        guard count > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: count)
        let received = unsafe recv(socket, &bytes, count, Int32(MSG_WAITALL))
        return received == count ? bytes : nil
    }
}

/// Opens once; those who wait on it go on then. The blocking side is for server threads.
package final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let semaphore = DispatchSemaphore(value: 0)

    package init() {}

    package func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
        semaphore.signal()
    }

    package func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    package func block() {
        semaphore.wait()
        semaphore.signal()
    }
}
