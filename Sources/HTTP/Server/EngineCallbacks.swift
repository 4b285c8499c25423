import CMicrohttpd

// The engine's callbacks: each finds its Swift object and hands over. All run on the loop's thread,
// inside `MHD_run`.

/// A connection begins or ends; its peer lives as long.
let onConnection: MHD_NotifyConnectionCallback = { daemon, connection, slot, code in
    guard let daemon = unsafe daemon, let connection = unsafe connection, let slot = unsafe slot
    else { return }
    let owner = unsafe Unmanaged<Daemon>.fromOpaque(daemon).takeUnretainedValue()
    if code == .CONNECTION_NOTIFY_STARTED {
        unsafe slot.pointee = Unmanaged.passRetained(owner.open(connection)).toOpaque()
    } else if let peer = unsafe slot.pointee {
        unsafe owner.close(Unmanaged<Peer>.fromOpaque(peer).takeRetainedValue())
        unsafe slot.pointee = nil
    }
}

/// A request line is complete; what is returned here stays with the request until `onCompleted`.
let onTarget:
    @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, OpaquePointer?) ->
        UnsafeMutableRawPointer? = { daemon, target, connection in
            guard let daemon = unsafe daemon, let target = unsafe target,
                let connection = unsafe connection,
                let peer = unsafe florin_mhd_socket_context(connection)
            else { return nil }
            let exchange = unsafe Exchange(
                daemon: Unmanaged<Daemon>.fromOpaque(daemon).takeUnretainedValue(),
                peer: Unmanaged<Peer>.fromOpaque(peer).takeUnretainedValue(),
                connection: connection, target: String(cString: target),
                targetAddress: UInt(bitPattern: target))
            return unsafe Unmanaged.passRetained(exchange).toOpaque()
        }

let onRequest: MHD_AccessHandlerCallback = {
    _, _, _, method, version, upload, uploadBytes, slot in
    guard let exchange = unsafe slot?.pointee, let method = unsafe method,
        let version = unsafe version, let uploadBytes = unsafe uploadBytes
    else { return .NO }
    let bytes = unsafe UnsafeRawBufferPointer(start: upload, count: uploadBytes.pointee)
    unsafe uploadBytes.pointee = 0
    return unsafe Unmanaged<Exchange>.fromOpaque(exchange).takeUnretainedValue()
        .proceed(method: method, version: version, upload: bytes)
}

let onCompleted: MHD_RequestCompletedCallback = { _, _, slot, code in
    guard let slot = unsafe slot, let exchange = unsafe slot.pointee else { return }
    unsafe slot.pointee = nil
    unsafe Unmanaged<Exchange>.fromOpaque(exchange).takeRetainedValue()
        .complete(isWhole: code == .REQUEST_TERMINATED_COMPLETED_OK)
}
