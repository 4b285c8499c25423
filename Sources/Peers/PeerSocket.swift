import CLinux

#if canImport(Glibc)
    import Glibc
#endif

/// A TCP socket of this process, closed when its last owner lets go of it.
///
/// Whoever wants it to end while another thread waits in it shuts it down: the number stays taken
/// until nobody can use it any more.
final class PeerSocket: Sendable {
    private let descriptor: Int32

    private static let waitingMax: Int32 = 16
    /// How long sent bytes may stay unacknowledged, and an idle connection unasked.
    private static let silenceMillisecondsMax: Int32 = 5000

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    func shutDown() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    // MARK: Opening

    /// A socket that waits for others at this address, or the reason why there is none.
    static func listening(at address: PeerAddress) throws(PeerError) -> PeerSocket {
        unsafe try firstThatWorks(at: address, isPassive: true) { socket, name, length in
            socket.set(SOL_SOCKET, SO_REUSEADDR, Int32(1))
            return unsafe bind(socket.descriptor, name, length) == 0
                && listen(socket.descriptor, waitingMax) == 0
        }
    }

    /// A connection to who listens there. Waits no longer than the time given.
    static func connected(
        to address: PeerAddress, milliseconds: Int
    ) throws(PeerError) -> PeerSocket {
        unsafe try firstThatWorks(at: address, isPassive: false) { socket, name, length in
            // On Linux the time to send is also the time to connect.
            socket.limit(milliseconds: milliseconds)
            return unsafe connect(socket.descriptor, name, length) == 0
        }
    }

    private static func firstThatWorks(
        at address: PeerAddress, isPassive: Bool,
        _ attempt: (PeerSocket, UnsafePointer<sockaddr>, socklen_t) -> Bool
    ) throws(PeerError) -> PeerSocket {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = isPassive ? AI_PASSIVE : 0
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(address.host, String(address.port), &hints, &list) == 0 else {
            throw PeerError(reason: "\(address) is no address")
        }
        defer { unsafe freeaddrinfo(list) }
        var next = unsafe list
        var problem: Int32 = 0
        while let info = unsafe next {
            unsafe next = info.pointee.ai_next
            let made = unsafe socket(
                info.pointee.ai_family, info.pointee.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard made >= 0, let name = unsafe info.pointee.ai_addr else { continue }
            let socket = PeerSocket(made)
            if unsafe attempt(socket, name, info.pointee.ai_addrlen) { return socket }
            problem = errno
        }
        throw PeerError(reason: "\(address): error \(problem) of the system")
    }

    /// The next that connects; nil when the socket was shut down.
    func accept() -> PeerSocket? {
        while true {
            let made = Glibc.accept(descriptor, nil, nil)
            if made >= 0 {
                _ = fcntl(made, F_SETFD, FD_CLOEXEC)
                return PeerSocket(made)
            }
            // Who connected and left again, and a lack that may pass, are no reason to stop.
            guard [EINTR, ECONNABORTED, EMFILE, ENFILE].contains(errno) else { return nil }
            if errno == EMFILE || errno == ENFILE { _ = poll(nil, 0, 100) }
        }
    }

    /// The port that the system has chosen.
    var port: UInt16 {
        var name = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return unsafe withUnsafeMutableBytes(of: &name) { raw -> UInt16 in
            let base = raw.baseAddress!
            let socketName = unsafe base.assumingMemoryBound(to: sockaddr.self)
            guard unsafe getsockname(descriptor, socketName, &length) == 0 else { return 0 }
            // Both families keep the port, in network order, behind the two bytes of the family.
            return unsafe UInt16(bigEndian: raw.load(fromByteOffset: 2, as: UInt16.self))
        }
    }

    // MARK: Options

    /// How long a call may wait; 0 is for ever.
    func limit(milliseconds: Int) {
        let time = timeval(
            tv_sec: milliseconds / 1000, tv_usec: (milliseconds % 1000) * 1000)
        set(SOL_SOCKET, SO_SNDTIMEO, time)
        set(SOL_SOCKET, SO_RCVTIMEO, time)
    }

    /// Lets reading wait for ever and writing for as long as given; a machine that is gone is
    /// noticed by the system.
    func converse(sendingMilliseconds: Int) {
        limit(milliseconds: sendingMilliseconds)
        set(SOL_SOCKET, SO_RCVTIMEO, timeval(tv_sec: 0, tv_usec: 0))
        set(Int32(IPPROTO_TCP), TCP_NODELAY, Int32(1))
        set(SOL_SOCKET, SO_KEEPALIVE, Int32(1))
        set(Int32(IPPROTO_TCP), TCP_KEEPIDLE, Self.silenceMillisecondsMax / 1000)
        set(Int32(IPPROTO_TCP), TCP_KEEPINTVL, Int32(1))
        set(Int32(IPPROTO_TCP), TCP_KEEPCNT, Int32(3))
        set(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, Self.silenceMillisecondsMax)
    }

    /// An option that a system does not have is one that it can do without.
    private func set<Value: BitwiseCopyable>(_ level: Int32, _ option: Int32, _ value: Value) {
        var value = value
        _ = unsafe setsockopt(
            descriptor, level, option, &value, socklen_t(MemoryLayout<Value>.size))
    }

    // MARK: Bytes

    /// Exactly so many bytes; nil when the other side is gone, silent for too long, or cut off.
    /// - Parameter deadline: for a side that may be a stranger, who could send one byte at a time.
    func receive(_ count: Int, by deadline: ContinuousClock.Instant? = nil) -> [UInt8]? {
        var isWhole = true
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let more = unsafe recv(
                    descriptor, buffer.baseAddress! + filled, count - filled, Int32(MSG_WAITALL))
                if more < 0, errno == EINTR { continue }
                guard more > 0, deadline.map({ ContinuousClock.now < $0 }) ?? true else {
                    isWhole = false
                    return
                }
                filled += more
            }
        }
        return isWhole ? bytes : nil
    }

    /// As many of the bytes as the system takes at once; nil when nothing can be sent any more.
    func sendNow(_ bytes: ArraySlice<UInt8>) -> Int? {
        send(bytes, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
    }

    /// All of the bytes; false when the other side does not take them in time.
    func sendAll(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            guard let sent = send(rest, Int32(MSG_NOSIGNAL)), sent > 0 else {
                return false
            }
            rest = rest.dropFirst(sent)
        }
        return true
    }

    private func send(_ bytes: ArraySlice<UInt8>, _ flags: Int32) -> Int? {
        while true {
            let sent = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, flags)
            }
            if sent >= 0 { return sent }
            if errno == EAGAIN || errno == EWOULDBLOCK { return 0 }
            guard errno == EINTR else { return nil }
        }
    }
}

/// Why there is no connection to another process of the installation.
package struct PeerError: Error, CustomStringConvertible {
    let reason: String

    package var description: String { "The other process cannot be reached: \(reason)" }
}
