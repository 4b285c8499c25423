/// What a connection is fed from while its answer is on the way. Called on the loop's thread.
protocol AnswerStream: AnyObject, Sendable {
    /// What the connection's time is measured as.
    var phase: Peer.Phase { get }

    func attach(_ sink: StreamSink)
    /// Forgets the connection; the stream is over for its owner too.
    func detach()
    func read(bytesMax: Int) -> StreamReading
    func sendHeartbeat()
    /// The server wants to end.
    func drain()
    func close()
}

enum StreamReading {
    case bytes([UInt8])
    case end
    /// Nothing yet; the sink's `wake` will be called when there is.
    case wait
    /// There is more, and it will never come.
    case broken
}

/// The connection's side: both are called from any thread, outside of a stream's lock.
struct StreamSink: Sendable {
    /// There is something to read, after a `read` that found nothing.
    let wake: @Sendable () -> Void
    /// The client cannot keep up and shall be disconnected.
    let cut: @Sendable () -> Void
}
