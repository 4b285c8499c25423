import CLinux
import CMicrohttpd

/// Feeds one connection from one stream: the connection sleeps while there is nothing to say.
///
/// `@unchecked`: all of it belongs to the loop's thread; the stream's sink only sends commands
/// there.
@safe final class StreamDelivery: @unchecked Sendable {
    let stream: any AnswerStream
    let peer: Peer
    private unowned let daemon: Daemon
    private let connection: OpaquePointer
    private var isSuspended = false
    private(set) var lastWrite: Moment

    /// Bytes handed to the engine at once.
    private static let blockBytes = 4096

    init(
        _ stream: any AnswerStream, to peer: Peer, on connection: OpaquePointer, of daemon: Daemon
    ) {
        self.stream = stream
        self.peer = peer
        self.daemon = daemon
        unsafe self.connection = connection
        lastWrite = .now
    }

    /// The engine holds this object until it is done with the answer.
    func makeResponse() -> OpaquePointer? {
        let context = unsafe Unmanaged.passRetained(self)
        guard
            let response = unsafe florin_mhd_stream(
                Self.blockBytes, readStream, context.toOpaque(), releaseStream)
        else {
            unsafe context.release()
            return nil
        }
        attach()
        return unsafe response
    }

    private func attach() {
        let loop = daemon.loop
        let resume: EventLoop.Command = { [weak self] in self?.resume() }
        let cut: EventLoop.Command = { [weak self] in self?.cut() }
        stream.attach(
            StreamSink(wake: { loop.execute(resume) }, cut: { loop.execute(cut) }))
        loop.watch(
            peer.socket, for: EPOLLRDHUP.rawValue | EPOLLONESHOT.rawValue, key: peer.number)
        daemon.streams[peer.number] = self
    }

    fileprivate func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        switch stream.read(bytesMax: buffer.count) {
        case .bytes(let bytes):
            lastWrite = .now
            unsafe buffer.copyBytes(from: bytes)
            return bytes.count
        case .end: return florin_mhd_end_of_stream
        case .broken: return florin_mhd_end_with_error
        case .wait:
            isSuspended = true
            unsafe MHD_suspend_connection(connection)
            return 0
        }
    }

    private func resume() {
        guard isSuspended else { return }
        isSuspended = false
        unsafe daemon.resume(connection)
    }

    /// The client left or could not keep up.
    func cut() {
        peer.cut()
        stream.close()
        resume()
    }

    /// The engine is done with the answer, for whatever reason.
    fileprivate func finish() {
        daemon.loop.unwatch(peer.socket)
        daemon.streams[peer.number] = nil
        isSuspended = false
        stream.detach()
    }
}

private let readStream: MHD_ContentReaderCallback = { context, _, buffer, capacity in
    guard let context = unsafe context else { return florin_mhd_end_with_error }
    let delivery = unsafe Unmanaged<StreamDelivery>.fromOpaque(context).takeUnretainedValue()
    return unsafe delivery.read(
        into: UnsafeMutableRawBufferPointer(start: buffer, count: capacity))
}

private let releaseStream: MHD_ContentReaderFreeCallback = { context in
    guard let context = unsafe context else { return }
    unsafe Unmanaged<StreamDelivery>.fromOpaque(context).takeRetainedValue().finish()
}
