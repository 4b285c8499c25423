import CLinux
import Glibc

/// Why a server cannot start.
package enum ServerError: Error, CustomStringConvertible {
    case hostIsNoAddress(String)
    case cannotListen(host: String, port: Int, errno: Int32)
    case engineRefused

    package var description: String {
        switch self {
        case .hostIsNoAddress(let host): "\(host) is no IPv4 or IPv6 address"
        case .cannotListen(let host, let port, let code):
            "cannot listen on \(host):\(port): \(unsafe String(cString: strerror(code)))"
        case .engineRefused: "the HTTP engine did not start"
        }
    }
}

/// A socket that clients may connect to as soon as it exists.
///
/// `@unchecked`: closed once, by the loop's thread or by the last owner.
final class ListeningSocket: @unchecked Sendable {
    let descriptor: Int32
    let port: Int
    private var isOpen = true

    /// Connections that the kernel completes before we accept them.
    private static let backlog: Int32 = 4096

    init(host: String, port: Int) throws(ServerError) {
        guard let address = SocketAddress(host: host, port: port) else {
            throw .hostIsNoAddress(host)
        }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        descriptor = socket(address.family, type, 0)
        guard descriptor >= 0 else { throw .cannotListen(host: host, port: port, errno: errno) }
        var one: Int32 = 1
        unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        guard address.bind(descriptor), listen(descriptor, Self.backlog) == 0 else {
            let code = errno
            Glibc.close(descriptor)
            isOpen = false
            throw .cannotListen(host: host, port: port, errno: code)
        }
        self.port = SocketAddress.localPort(of: descriptor)
    }

    deinit { close() }

    func close() {
        guard isOpen else { return }
        isOpen = false
        Glibc.close(descriptor)
    }
}

/// An IPv4 or IPv6 address and port, between text and the kernel.
struct SocketAddress {
    private var storage = sockaddr_storage()
    private var bytes = socklen_t(0)
    var family: Int32 { Int32(storage.ss_family) }

    init?(host: String, port: Int) {
        guard let port = UInt16(exactly: port) else { return nil }
        var hints = unsafe addrinfo()
        unsafe hints.ai_flags = AI_NUMERICHOST | AI_PASSIVE
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, String(port), &hints, &found) == 0,
            let first = unsafe found
        else { return nil }
        defer { unsafe freeaddrinfo(found) }
        bytes = unsafe first.pointee.ai_addrlen
        unsafe withUnsafeMutableBytes(of: &storage) {
            unsafe $0.copyMemory(
                from: UnsafeRawBufferPointer(start: first.pointee.ai_addr, count: Int(bytes)))
        }
    }

    func bind(_ descriptor: Int32) -> Bool {
        unsafe withUnsafeBytes(of: storage) {
            unsafe Glibc.bind(
                descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), bytes) == 0
        }
    }

    static func localPort(of descriptor: Int32) -> Int {
        var storage = sockaddr_storage()
        var bytes = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return unsafe withUnsafeMutableBytes(of: &storage) {
            let address = unsafe $0.baseAddress?.assumingMemoryBound(to: sockaddr.self)
            guard unsafe getsockname(descriptor, address, &bytes) == 0 else { return 0 }
            // The port stands at the same place in both families, in network order.
            return unsafe Int($0[2]) << 8 | Int($0[3])
        }
    }
}

/// The process's limit on open files, raised as far as the system lets us without asking.
enum FileLimit {
    /// Files that are no connections: database, logs, libraries.
    private static let reserve = 256

    /// Returns how many connections fit.
    static func raise() -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return reserve
        }
        limit.rlim_cur = limit.rlim_max
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return max(reserve, Int(clamping: limit.rlim_cur) - reserve)
    }
}
